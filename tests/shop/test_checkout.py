"""A purchase, as one sees it in Spanloom: what belongs together, what was retried, what is an error."""

from opentelemetry.trace import SpanKind, StatusCode

from spanloom_shop import outbox

from .in_process import ShopInProcess
from .spans import Spans, attributes, context_ids, event_names


async def test_a_purchase_is_one_trace_from_the_page_to_the_parcel(shop: ShopInProcess, spans: Spans) -> None:
    """The warehouse's work, done later and elsewhere, hangs below the click that caused it."""
    await shop.fill_cart(1, 2)
    spans.clear()

    bought = await shop.shopper.post("/checkout")
    await shop.ship_all()

    assert bought.status_code == 201
    assert len({context_ids(span)[0] for span in spans.all()}) == 1
    assert spans.ancestry(spans.one("process orders")) == [
        *("process orders", "send orders", "store order"),
        *("POST /orders", "POST", "POST /checkout"),
    ]
    assert spans.ancestry(spans.one("POST /v1/charges")) == [
        *("POST /v1/charges", "POST /charges", "POST", "charge card"),
        *("POST /orders", "POST", "POST /checkout"),
    ]
    assert spans.ancestry(spans.one("GET /carts/{user_id}"))[-1] == "POST /checkout"
    assert all(span.status.status_code is not StatusCode.ERROR for span in spans.all())


async def test_every_span_of_a_purchase_has_the_kind_that_its_role_has(
    shop: ShopInProcess, spans: Spans
) -> None:
    """The service graph is drawn from kinds: calls, answers, messages sent and messages taken."""
    await shop.order()
    await shop.ship_all()

    kinds = {span.name: span.kind for span in spans.all()}
    assert kinds["POST /checkout"] is SpanKind.SERVER
    assert kinds["POST"] is SpanKind.CLIENT
    assert kinds["INSERT"] is SpanKind.CLIENT
    assert kinds["POST /v1/charges"] is SpanKind.CLIENT
    assert kinds["send orders"] is SpanKind.PRODUCER
    assert kinds["process orders"] is SpanKind.CONSUMER
    assert kinds["charge card"] is SpanKind.INTERNAL


async def test_an_order_can_be_found_by_its_id_and_its_shopper(shop: ShopInProcess, spans: Spans) -> None:
    """A search for order.id or user.id finds the page, the service behind it and the parcel."""
    order_id = (await shop.order()).json()["order_id"]
    await shop.ship_all()

    for name in ("POST /checkout", "POST /orders", "POST /charges", "charge card", "process orders"):
        assert attributes(spans.one(name))["order.id"] == order_id
    assert attributes(spans.one("POST /checkout"))["user.id"] == "user-7"


async def test_a_provider_that_fails_once_is_asked_again(shop: ShopInProcess, spans: Spans) -> None:
    """The failed try stands out in red, the retry is an event, and the purchase is no error."""
    shop.faults.to_come = ["provider down"]

    assert (await shop.order()).status_code == 201

    charging = spans.one("charge card")
    assert event_names(charging) == ["retry scheduled"]
    assert dict(charging.events[0].attributes or {}) == {
        "retry.attempt": 2,
        "retry.wait_ms": 100.0,
        "error.type": "503",
    }
    assert [try_.status.status_code for try_ in spans.children(charging)] == [
        StatusCode.ERROR,
        StatusCode.UNSET,
    ]
    failed, _ = spans.named("POST /v1/charges")
    assert failed.status.status_code is StatusCode.ERROR
    assert event_names(failed) == ["exception"]
    assert attributes(failed)["error.type"] == "503"
    assert charging.status.status_code is StatusCode.UNSET
    assert spans.one("POST /checkout").status.status_code is StatusCode.UNSET


async def test_a_provider_that_stays_down_fails_the_purchase(shop: ShopInProcess, spans: Spans) -> None:
    """After three tries the error runs all the way up, and no order reaches the warehouse."""
    shop.faults.to_come = ["provider down"] * 3

    assert (await shop.order()).status_code == 503

    charging = spans.one("charge card")
    assert len(spans.children(charging)) == 3
    assert event_names(charging) == ["retry scheduled", "retry scheduled", "exception"]
    for name in ("charge card", "POST /orders", "POST /checkout"):
        assert spans.one(name).status.status_code is StatusCode.ERROR
    assert outbox.waiting(shop.orders, "orders", most=1) == []


async def test_a_declined_card_is_an_answer_and_not_a_fault_of_the_shop(
    shop: ShopInProcess, spans: Spans
) -> None:
    """The charge is an error, once and without a retry; the services that said so did their work."""
    shop.faults.to_come = ["card declined"]

    assert (await shop.order()).status_code == 402

    charging = spans.one("charge card")
    assert event_names(charging) == ["payment declined", "exception"]
    assert charging.status.status_code is StatusCode.ERROR
    for name in ("POST /charges", "POST /orders", "POST /checkout"):
        assert spans.one(name).status.status_code is StatusCode.UNSET


async def test_a_failure_deep_below_is_an_error_on_every_span_up_to_the_page(
    shop: ShopInProcess, spans: Spans
) -> None:
    """The path of red spans leads from the page to the call that failed, with the exception beside it."""
    shop.closed = {"catalogue"}

    assert (await shop.order()).status_code == 500

    (failed,) = (span for span in spans.named("GET") if not spans.children(span))
    assert spans.ancestry(failed) == [
        *("GET", "GET /carts/{user_id}", "GET", "POST /orders", "POST", "POST /checkout")
    ]
    for name in ("GET /carts/{user_id}", "POST /orders", "POST /checkout"):
        assert spans.one(name).status.status_code is StatusCode.ERROR
    assert "exception" in event_names(failed)


async def test_buying_nothing_is_refused(shop: ShopInProcess) -> None:
    """An empty cart gives a plain answer."""
    assert (await shop.shopper.post("/checkout")).status_code == 409


async def test_an_empty_queue_makes_no_spans(shop: ShopInProcess, spans: Spans) -> None:
    """The consumer asks five times a second, and nobody has to look at that."""
    await shop.order()
    await shop.ship_all()
    spans.clear()

    await shop.ship_all()

    assert spans.all() == ()
