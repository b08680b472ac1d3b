"""Jaeger's headers, with those that people write by hand."""

from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry import baggage
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import DefaultGetter

from spanloom_instrumentation.propagation.jaeger import MOST_CHARACTERS, MOST_ITEMS, Jaeger
from tests.instrumentation.doubles import attributes
from tests.instrumentation.propagation.services import NEVER, SPAN, TRACE, Service, passed_on, read

SAMPLED = f"{TRACE}:{SPAN}:0:1"


def items(headers: dict[str, str]) -> dict[str, object]:
    """The baggage that is read."""
    return dict(baggage.get_all(Jaeger().extract(headers)))


@pytest.mark.parametrize(
    ("value", "trace_id", "sampled"),
    [
        (SAMPLED, int(TRACE, 16), True),
        (f"{TRACE}:{SPAN}:0:0", int(TRACE, 16), False),
        (f"{TRACE}:{SPAN}:{SPAN}:01", int(TRACE, 16), True),
        (f"{TRACE.upper()}:{SPAN}::1", int(TRACE, 16), True),
        (SAMPLED.replace(":", "%3A"), int(TRACE, 16), True),
        (SAMPLED.replace(":", "%3a"), int(TRACE, 16), True),
        ("abc:1:0:1", 0xABC, True),
        (f"{SPAN}:{SPAN}:0:9", int(SPAN, 16), True),
        (f"{TRACE}:{SPAN}:0:2", int(TRACE, 16), True),
    ],
)
def test_identity(*, value: str, trace_id: int, sampled: bool) -> None:
    """Short ids, capitals, escaped colons, more flags: a trace of Jaeger's goes on."""
    found = read(Jaeger(), {"uber-trace-id": value})
    assert (found.trace_id, found.trace_flags.sampled) == (trace_id, sampled)
    assert read(Jaeger(), {"Uber-Trace-Id": value}) == found


def test_parent_is_told() -> None:
    """Jaeger's clients that make one span of both sides of a call still hang it where it belongs."""
    service = Service("jaeger")
    _, span_id, parent_id, flags = service.asked({"uber-trace-id": SAMPLED})["uber-trace-id"].split(":")
    by_name = {span.name: span for span in service.here.spans()}
    assert bytes.fromhex(span_id) == by_name["call"].span_id
    assert bytes.fromhex(parent_id.zfill(16)) == by_name["serve"].span_id
    assert flags == "1"


@pytest.mark.parametrize("headers", [{}, {"uber-trace-id": f"{TRACE}:{SPAN}:0:0"}], ids=["alone", "with ids"])
def test_debug_id(headers: dict[str, str]) -> None:
    """Who sends `jaeger-debug-id: ticket 17` finds the trace by it, whatever the samplers say."""
    service = Service("jaeger", sampler=NEVER)
    sent = service.asked({**headers, "jaeger-debug-id": "ticket%2017"})
    assert sent["uber-trace-id"].endswith(":3")
    found = {span.name: attributes(span).get("jaeger-debug-id") for span in service.here.spans()}
    assert found == {"serve": "ticket 17", "call": None}


def test_debug_id_survives_the_debug_flag_of_others() -> None:
    """Two headers that ask for the same take nothing from each other."""
    service = Service("jaeger,b3", sampler=NEVER)
    service.asked({"jaeger-debug-id": "17", "b3": f"{TRACE}-{SPAN}-d"})
    assert {attributes(span).get("jaeger-debug-id") for span in service.here.spans()} == {"17", None}


def test_baggage_goes_through() -> None:
    """What a caller gave the request reaches whoever is called, whatever characters it has."""
    first = Jaeger()
    sent: dict[str, str] = {}
    first.inject(sent, baggage.set_baggage("user.id", "ä b=c,d%2f;☃", Context()))
    assert sent.keys() == {"uberctx-user.id"}, "also without a span"
    assert sent["uberctx-user.id"].isascii()
    assert items(sent) == {"user.id": "ä b=c,d%2f;☃"}
    assert passed_on("jaeger", sent) == sent


def test_baggage_by_hand() -> None:
    """`jaeger-baggage: a=1, b=2` is what a person can type."""
    assert items({"jaeger-baggage": " a=1 , b = 2%20x, broken, =3,c="}) == {"a": "1", "b": "2 x", "c": ""}


def test_names_of_baggage_are_in_lower_case() -> None:
    """HTTP does not keep their case, so nobody can depend on it."""
    assert items({"UberCtx-User": "1"}) == {"user": "1"}


@pytest.mark.parametrize("key", ["", " ", "a b", "a:b", "a\r\nx-injected", "ü", "a" * 300])
def test_baggage_that_is_no_header_stays_here(key: str) -> None:
    """No key of an application's writes headers of its own into a request."""
    sent: dict[str, str] = {}
    Jaeger().inject(sent, baggage.set_baggage("ok", "1", baggage.set_baggage(key, "\r\n\ud800", Context())))
    assert sent == {"uberctx-ok": "1"}
    assert items({f"uberctx-{key}": "1"}) == {}


@pytest.mark.parametrize(
    "headers",
    [
        {f"uberctx-{number}": "x" for number in range(10_000)},
        {f"uberctx-{number}": "x" * 1000 for number in range(1000)},
        {"jaeger-baggage": ",".join(f"{number}=x" for number in range(1000))},
        {"uberctx-a": "x" * 100_000, "jaeger-debug-id": "y" * 100_000, "uber-trace-id": "z" * 100_000},
    ],
    ids=["many", "long", "by hand", "huge"],
)
def test_hostile_baggage_is_bounded(headers: dict[str, str]) -> None:
    """A stranger cannot make a service carry megabytes to all the others."""
    found = items(headers)
    assert len(found) <= MOST_ITEMS
    assert sum(len(key) + len(str(value)) for key, value in found.items()) <= MOST_CHARACTERS
    sent = passed_on("jaeger", headers)
    assert len(sent) <= MOST_ITEMS


@pytest.mark.parametrize("length", [1, 100])
def test_too_much_baggage_of_ones_own_is_bounded(length: int) -> None:
    """What does not fit stays behind; the rest goes, and so does the trace."""
    context = Context()
    for number in range(300):
        context = baggage.set_baggage(f"{number}", "x" * length, context)
    sent: dict[str, str] = {}
    Jaeger().inject(sent, context)
    assert 0 < len(sent) <= MOST_ITEMS
    assert sum(map(len, sent.values())) <= MOST_CHARACTERS


def test_hostile_headers_are_not_all_looked_at() -> None:
    """A request with ten thousand headers costs a service no more than one with a few hundred."""
    looked_at: list[str] = []

    class Counting(DefaultGetter):
        def get(self, carrier: Mapping[str, Any], key: str) -> list[str] | None:
            looked_at.append(key)
            return super().get(carrier, key)

    Jaeger().extract({f"uberctx-{number}": "x" * 9000 for number in range(10_000)}, None, Counting())
    assert len(looked_at) < MOST_ITEMS + 10
