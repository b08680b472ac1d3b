"""Traces to look at while working on the pages: an ordinary one, a huge one and a hostile one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from spanloom_model.ids import SpanId, TraceId
from spanloom_model.span import Attributes, Event, Link, Resource, Scope, Span, SpanKind, StatusCode

NOW_NS = 1_790_000_000_000_000_000
"""When the sample server believes to be: 2026-09-21 14:13:20 UTC."""

_MS = 1_000_000
_SERVER, _CLIENT, _INTERNAL = SpanKind.SERVER, SpanKind.CLIENT, SpanKind.INTERNAL
_PRODUCER, _CONSUMER = SpanKind.PRODUCER, SpanKind.CONSUMER

_STACK = """Traceback (most recent call last):
  File "payment/charge.py", line 61, in charge
    answer = await bank.authorise(card, amount)
  File "payment/bank.py", line 38, in authorise
    raise CardDeclined(answer.reason)
payment.bank.CardDeclined: insufficient funds"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """A line of a sample: times in milliseconds from the trace's start, the parent by its place."""

    parent: int | None
    service: str
    name: str
    kind: SpanKind
    at: float
    took: float
    attributes: dict[str, Any]
    error: str = ""


def _step(  # noqa: PLR0913, PLR0917  # a line of a table: its columns have no names
    parent: int | None,
    service: str,
    name: str,
    kind: SpanKind,
    at: float,
    took: float,
    error: str = "",
    **attributes: Any,
) -> _Step:
    named = {key.replace("__", "."): value for key, value in attributes.items()}
    return _Step(
        parent=parent, service=service, name=name, kind=kind, at=at, took=took, attributes=named, error=error
    )


_CHECKOUT = (
    _step(
        None,
        "frontend",
        "POST /checkout",
        _SERVER,
        0,
        412,
        http__request__method="POST",
        http__route="/checkout",
        http__response__status_code=502,
        user_agent__original="Mozilla/5.0 (X11; Linux x86_64) Firefox/141.0",
        client__address="203.0.113.42",
        error="payment declined",
    ),
    _step(0, "frontend", "render basket", _INTERNAL, 2, 9.4, template="basket.html", items=3),
    _step(
        0,
        "frontend",
        "GET",
        _CLIENT,
        12,
        31,
        http__request__method="GET",
        server__address="cart",
        server__port=7003,
    ),
    _step(2, "cart", "GET /carts/{id}", _SERVER, 14.1, 26, http__route="/carts/{id}", cart__id="c-81f2"),
    _step(
        3,
        "cart",
        "SELECT carts",
        _CLIENT,
        16,
        7.3,
        db__system__name="sqlite",
        db__query__text="SELECT * FROM carts WHERE id = ?",
    ),
    _step(
        3,
        "cart",
        "SELECT lines",
        _CLIENT,
        24.2,
        12.9,
        db__system__name="sqlite",
        db__query__text="SELECT product, quantity FROM lines WHERE cart = ? ORDER BY position",
    ),
    _step(
        0, "frontend", "GET", _CLIENT, 13, 58, http__request__method="GET", server__address="recommendations"
    ),
    _step(
        6,
        "recommendations",
        "GET /for/{user}",
        _SERVER,
        15.5,
        53,
        http__route="/for/{user}",
        model__version="2026-08",
    ),
    _step(7, "recommendations", "nearest neighbours", _INTERNAL, 17, 22, neighbours=64, recall=0.9871),
    _step(7, "recommendations", "GET", _CLIENT, 40, 24, server__address="catalogue"),
    _step(
        9,
        "catalogue",
        "GET /products",
        _SERVER,
        42.2,
        19.5,
        http__route="/products",
        ids=("p-12", "p-77", "p-310"),
    ),
    _step(10, "catalogue", "SELECT products", _CLIENT, 43.4, 15.8, db__system__name="sqlite"),
    _step(
        0,
        "frontend",
        "POST",
        _CLIENT,
        76,
        330,
        http__request__method="POST",
        server__address="checkout",
        error="502 Bad Gateway",
    ),
    _step(
        12,
        "checkout",
        "POST /orders",
        _SERVER,
        79,
        324,
        http__route="/orders",
        order__id="o-20931",
        error="payment declined",
    ),
    _step(13, "checkout", "validate order", _INTERNAL, 80, 3.2, lines=3),
    _step(13, "checkout", "POST", _CLIENT, 84, 41, server__address="cart"),
    _step(15, "cart", "POST /carts/{id}/lock", _SERVER, 86.8, 36, http__route="/carts/{id}/lock"),
    _step(16, "cart", "UPDATE carts", _CLIENT, 88, 33.1, db__system__name="sqlite"),
    _step(13, "checkout", "POST", _CLIENT, 128, 231, server__address="payment", error="402 Payment Required"),
    _step(
        18,
        "payment",
        "POST /charges",
        _SERVER,
        131,
        226,
        http__route="/charges",
        amount=129.9,
        currency="EUR",
        retry=False,
        error="CardDeclined: insufficient funds",
    ),
    _step(
        19,
        "payment",
        "authorise",
        _CLIENT,
        133,
        104,
        peer__service="bank",
        attempt=1,
        error="timeout after 100 ms",
    ),
    _step(
        19, "payment", "authorise", _CLIENT, 240, 112, peer__service="bank", attempt=2, error="card declined"
    ),
    _step(
        13,
        "checkout",
        "orders publish",
        _PRODUCER,
        361,
        4.8,
        messaging__system="sqlite",
        messaging__destination__name="orders",
        messaging__operation__type="send",
    ),
    _step(
        22,
        "warehouse",
        "orders process",
        _CONSUMER,
        498,
        37,
        messaging__system="sqlite",
        messaging__destination__name="orders",
        messaging__operation__type="process",
    ),
    _step(23, "warehouse", "release reservation", _INTERNAL, 501, 30.4, order__id="o-20931"),
    _step(24, "warehouse", "DELETE reservations", _CLIENT, 503, 26.2, db__system__name="sqlite"),
)


def checkout_trace(
    *, number: int = 1, start_ns: int = NOW_NS - 12_000 * _MS, stretch: float = 1.0
) -> list[Span]:
    """26 spans of 7 services: a payment that fails, retries, a queue, events and links."""
    trace_id = TraceId(number.to_bytes(8, "big") + b"checkout")
    spans = [_span(trace_id, place, step, start_ns, stretch) for place, step in enumerate(_CHECKOUT)]
    spans[0] = replace(
        spans[0],
        trace_state="ot=th:c;rv:9b8233f7e3a151",
        flags=0x301,
        events=(
            Event(
                time_ns=spans[0].start_ns + 74 * _MS,
                name="basket confirmed",
                attributes=attributes({"items": 3}),
            ),
        ),
    )
    spans[19] = replace(spans[19], events=_payment_events(spans[19].start_ns), dropped_attributes_count=2)
    earlier = Link(
        trace_id=TraceId((number + 1).to_bytes(8, "big") + b"checkout"),
        span_id=SpanId(bytes(7) + b"\x17"),
        attributes=attributes({"link.reason": "same batch"}),
    )
    spans[23] = replace(spans[23], links=(Link(trace_id=trace_id, span_id=spans[22].span_id), earlier))
    return spans


def _payment_events(start_ns: int) -> tuple[Event, ...]:
    raised = {"exception.type": "payment.bank.CardDeclined", "exception.message": "insufficient funds"}
    return (
        Event(
            time_ns=start_ns + 104 * _MS, name="retry", attributes=attributes({"attempt": 2, "after_ms": 3.5})
        ),
        Event(
            time_ns=start_ns + 221 * _MS,
            name="exception",
            attributes=attributes({**raised, "exception.stacktrace": _STACK}),
        ),
    )


def browsing_trace(*, number: int, start_ns: int) -> list[Span]:
    """Four spans that went well."""
    trace_id = TraceId(number.to_bytes(8, "big") + b"browsing")
    steps = (
        _step(None, "frontend", "GET /", _SERVER, 0, 23.4, http__route="/", http__response__status_code=200),
        _step(0, "frontend", "GET", _CLIENT, 3, 17.2, server__address="catalogue"),
        _step(1, "catalogue", "GET /products", _SERVER, 4.4, 14.9, http__route="/products"),
        _step(2, "catalogue", "SELECT products", _CLIENT, 6.1, 10.3, db__system__name="sqlite"),
    )
    return [_span(trace_id, place, step, start_ns, 1.0 + number % 7 / 3) for place, step in enumerate(steps)]


def huge_trace(spans: int, *, start_ns: int = NOW_NS - 300_000 * _MS) -> list[Span]:
    """As many spans as wanted: batches of work, each a small tree."""
    trace_id = TraceId(bytes(12) + b"huge")
    names = ("import batch", "read page", "parse record", "store record", "INSERT records")
    services = ("importer", "reader", "parser", "store", "store")
    steps = [_step(None, "importer", "nightly import", _INTERNAL, 0, spans * 1.0)]
    for number in range(1, spans):
        level = (number - 1) % 5
        parent = number - level if level else 0
        steps.append(
            _step(
                0 if not level else (parent if level < 3 else number - 1),
                services[level],
                names[level],
                _INTERNAL,
                number,
                (6 - level) * 0.8,
                "bad record" if number % 997 == 0 else "",
                batch=number // 5,
            )
        )
    return [_span(trace_id, place, step, start_ns, 1.0) for place, step in enumerate(steps)]


_BOTH_WAYS = "\u202eevil\u2066 \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627"
"""Letters turned around by a control character, then Hebrew and Arabic."""


def hostile_trace(*, start_ns: int = NOW_NS - 90_000 * _MS) -> list[Span]:
    """What clients really send, and worse: markup, endless names, clocks set back, ids twice, no root."""
    trace_id = TraceId(bytes(9) + b"hostile")
    markup = "<script>alert('x')</script><img src=x onerror=alert(1)>"
    endless = "endless-" * 1_250
    steps = (
        _step(99, markup, markup, _SERVER, 0, 50, error=f"{markup}\x00\x1b[31m"),
        _step(0, "\u202eservice written backwards", _BOTH_WAYS, _CLIENT, 5, 0),
        _step(
            0,
            endless,
            endless,
            _INTERNAL,
            8,
            20,
            **{markup: endless, "endless": endless, endless[:2000]: "x"},
        ),
        _step(0, "clock", "set back", _INTERNAL, 30, -12),
        _step(0, "", "", SpanKind.UNSPECIFIED, 49, 1e-6),
        _step(0, "half", "a half \ud800 pair", _INTERNAL, 12, 3, **{"\udfff": "\ud800"}),
        _step(98, "orphan", "with another lost parent", _CONSUMER, 20, 400),
    )
    spans = [_span(trace_id, place, step, start_ns, 1.0) for place, step in enumerate(steps)]
    spans[3] = replace(spans[3], span_id=spans[4].span_id)
    spans[0] = replace(
        spans[0],
        attributes=attributes(_ODD_VALUES),
        links=(Link(trace_id=TraceId(b"\xff" * 16), span_id=SpanId(b"\xff" * 8)),),
    )
    spans[2] = replace(spans[2], events=tuple(_many_events(spans[2].start_ns)))
    return spans


_ODD_VALUES: dict[str, Any] = {
    "javascript": "javascript:alert(1)",
    "quotes": "\"'` </pre></table> {{ 7 * 7 }}",
    "bytes": b"\x00\xff",
    "nothing": None,
    "yes": True,
    "whole": -(2**63),
    "fraction": 1e308,
    "list": ("a", 1, ("nested", None)),
    "map": Attributes((("inner", Attributes((("deep", 1.5),))), ("plain", "text"))),
    "lines": "first\n  second\n\tthird",
    "": "a key without letters",
}


def _many_events(start_ns: int) -> Iterator[Event]:
    yield Event(time_ns=start_ns - 5 * _MS, name="before the span began")
    for number in range(60):
        yield Event(
            time_ns=start_ns + number * _MS // 3, name="<b>tick</b>", attributes=attributes({"n": number})
        )


def attributes(values: dict[str, Any]) -> Attributes:
    """Attributes from a plain dict."""
    return Attributes(tuple(values.items()))


def _span(trace_id: TraceId, place: int, step: _Step, start_ns: int, stretch: float) -> Span:
    resource = {
        "service.name": step.service,
        "service.version": "1.4.2",
        "host.name": "shop-01",
        "process.pid": 4211,
    }
    return Span(
        trace_id=trace_id,
        span_id=_span_id(place),
        parent_id=None if step.parent is None else _span_id(step.parent),
        service=step.service,
        name=step.name,
        kind=step.kind,
        start_ns=start_ns + round(step.at * stretch * _MS),
        duration_ns=round(step.took * stretch * _MS),
        status=StatusCode.ERROR if step.error else StatusCode.UNSET,
        status_message=step.error,
        attributes=attributes(step.attributes),
        resource=Resource(attributes=attributes(resource)),
        scope=Scope(name="spanloom_instrumentation.sample", version="0.1.0"),
        flags=0x101,
    )


def _span_id(place: int) -> SpanId:
    return SpanId((place + 1).to_bytes(8, "big"))


def shop_traces(count: int = 60) -> Iterable[list[Span]]:
    """A while in the shop, newest first: mostly visits, now and then a checkout."""
    for number in range(1, count + 1):
        start_ns = NOW_NS - number * number * 900 * _MS
        if number % 4 == 1:
            yield checkout_trace(number=number, start_ns=start_ns, stretch=0.6 + number % 5 / 2)
        else:
            yield browsing_trace(number=number, start_ns=start_ns)
