"""The pages that only look: the fan-out, the cache, the slow query and the page that does without."""

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from .in_process import ShopInProcess
from .spans import Spans, attributes, event_names


async def test_recommendations_call_the_catalogue_thirty_times_at_once(
    shop: ShopInProcess, spans: Spans
) -> None:
    """One page shows a span with 30 children that lie side by side."""
    page = await shop.shopper.get("/products/5/recommended")

    assert len(page.json()["recommended"]) == 5
    calls = spans.children(spans.one("fetch candidates"))
    assert [call.kind for call in calls] == [SpanKind.CLIENT] * 30
    assert [[child.name for child in spans.children(call)] for call in calls] == [
        ["GET /products/{product_id}"]
    ] * 30
    assert max(call.start_time or 0 for call in calls) < min(call.end_time or 0 for call in calls)


async def test_a_page_that_lacks_its_recommendations_is_still_shown(
    shop: ShopInProcess, spans: Spans
) -> None:
    """The failed call is red and the page is not: it says in an event what it left out."""
    shop.closed = {"recommendations"}

    page = await shop.shopper.get("/products/5/recommended")

    assert page.json()["recommended"] == []
    shown = spans.one("GET /products/{product_id}/recommended")
    assert event_names(shown) == ["recommendations left out"]
    assert shown.status.status_code is StatusCode.UNSET
    assert any(call.status.status_code is StatusCode.ERROR for call in spans.children(shown))


async def test_a_page_that_lacks_its_catalogue_is_an_error(shop: ShopInProcess, spans: Spans) -> None:
    """The exception stands on the page's span, with the status that the shopper got."""
    shop.closed = {"catalogue"}

    assert (await shop.shopper.get("/")).status_code == 502

    home = spans.one("GET /")
    assert "exception" in event_names(home)
    assert home.status.status_code is StatusCode.ERROR


async def test_a_flushed_cache_is_missed_for_every_item(shop: ShopInProcess, spans: Spans) -> None:
    """A cart that cost no call before costs one for each item, and the span counts them."""
    await shop.fill_cart(1, 2, 3)
    await shop.shopper.get("/cart")
    spans.clear()
    await shop.shopper.get("/cart")
    warm = spans.one("GET /carts/{user_id}")
    assert attributes(warm)["cart.cache.misses"] == 0
    assert spans.children(warm) == []
    spans.clear()

    shop.faults.to_come = ["cache flushed"]
    await shop.shopper.get("/cart")

    cold = spans.one("GET /carts/{user_id}")
    assert event_names(cold) == ["cache flushed", "cache miss", "cache miss", "cache miss"]
    assert attributes(cold)["cart.cache.misses"] == 3
    assert len(spans.children(cold)) == 3


async def test_a_slow_search_is_a_slow_query(shop: ShopInProcess, spans: Spans) -> None:
    """Both searches find something; the slow one spends its time in the database and says so."""
    assert (await shop.shopper.get("/search", params={"word": "oak"})).json()
    quick = spans.one("SELECT")
    spans.clear()

    shop.faults.to_come = ["slow query"]
    assert (await shop.shopper.get("/search", params={"word": "oak"})).json()

    slow = spans.one("SELECT")
    assert event_names(spans.one("GET /products")) == ["slow query"]
    assert duration_ns(slow) > 10 * duration_ns(quick)


async def test_a_product_that_is_not_sold_is_not_found(shop: ShopInProcess) -> None:
    """The shop's answer comes from the catalogue, with its words."""
    page = await shop.shopper.get("/products/100000")

    assert page.status_code == 404
    assert "no such product" in page.text


def duration_ns(span: ReadableSpan) -> int:
    """How long the span took."""
    return (span.end_time or 0) - (span.start_time or 0)
