"""OpenTelemetry's specification, context/api-propagators.md."""

import pytest
from opentelemetry.context import Context
from opentelemetry.trace import get_current_span

from spanloom_instrumentation.propagation.b3 import B3Multi, B3Single
from spanloom_instrumentation.propagation.jaeger import Jaeger
from spanloom_instrumentation.propagation.named import composed
from spanloom_instrumentation.sampling.sampler import Sampler
from spanloom_instrumentation.sampling.samplers import ALWAYS_OFF
from tests.instrumentation.propagation.services import NEVER, SPAN, TRACE, Service, passed_on, read

SINGLE = {"b3": f"{TRACE}-{SPAN}-1"}
MULTI = {"x-b3-traceid": TRACE, "x-b3-spanid": SPAN, "x-b3-sampled": "1"}
OTHER = "80f198ee56343ba864fe8b2a57d3eff7"


@pytest.mark.parametrize("propagator", [B3Single(), B3Multi()])
@pytest.mark.parametrize("headers", [SINGLE, MULTI])
def test_b3_is_read_in_both_spellings(propagator: B3Single | B3Multi, headers: dict[str, str]) -> None:
    """A service takes whichever its caller writes.

    Specified in context/api-propagators.md, B3 Extract.
    """
    found = read(propagator, headers)
    assert (found.trace_id, found.span_id, found.trace_flags.sampled) == (int(TRACE, 16), int(SPAN, 16), True)
    assert found.is_remote


@pytest.mark.parametrize("propagator", [B3Single(), B3Multi()])
def test_single_goes_before_multi(propagator: B3Single | B3Multi) -> None:
    """Two spellings in one request are one trace: the single header's.

    Specified in context/api-propagators.md, B3 Extract.
    """
    both = {**MULTI, "b3": f"{OTHER}-{SPAN}-1"}
    assert read(propagator, both).trace_id == int(OTHER, 16)
    unreadable = {**MULTI, "b3": "nonsense"}
    assert read(propagator, unreadable).trace_id == int(TRACE, 16)


@pytest.mark.parametrize(
    "headers",
    [
        {"b3": f"{TRACE}-{SPAN}-d"},
        {"x-b3-traceid": TRACE, "x-b3-spanid": SPAN, "x-b3-flags": "1"},
        {"x-b3-traceid": TRACE, "x-b3-spanid": SPAN, "x-b3-flags": "1", "x-b3-sampled": "0"},
        {"uber-trace-id": f"{TRACE}:{SPAN}:0:3"},
    ],
)
@pytest.mark.parametrize("sampler", [NEVER, ALWAYS_OFF], ids=str)
def test_debug_goes_on(headers: dict[str, str], sampler: Sampler) -> None:
    """Who debugs a request sees all of it: each service keeps its part and tells the next.

    Specified in context/api-propagators.md, B3 Extract.
    """
    service = Service("b3,b3multi,jaeger", sampler=sampler)
    for _ in range(2):
        headers = service.asked(headers)
        assert headers["b3"].endswith("-d")
        assert headers["x-b3-flags"] == "1"
        assert "x-b3-sampled" not in headers, "which debug implies"
        assert headers["uber-trace-id"].endswith(":3")
    assert service.sent() == ["call", "call", "serve", "serve"]


def test_server_has_a_span_of_its_own() -> None:
    """Both sides of a request are spans, not halves of one.

    Specified in context/api-propagators.md, B3 Extract.
    """
    service = Service("b3")
    service.asked(SINGLE)
    (serve,) = (span for span in service.here.spans() if span.name == "serve")
    assert serve.parent_span_id.hex() == SPAN != serve.span_id.hex()


def test_b3_is_written_as_asked() -> None:
    """`b3` is the single header, `b3multi` the others, without the parent's id.

    Specified in context/api-propagators.md, B3 Inject.
    """
    with_parent = {"b3": f"{TRACE}-{SPAN}-1-0020000000000001"}
    assert passed_on("b3", with_parent) == SINGLE
    assert passed_on("b3multi", with_parent) == MULTI


@pytest.mark.parametrize("names", ["b3", "b3multi", "jaeger", "b3,b3multi,jaeger,tracecontext"])
def test_fields_are_what_is_written(names: str) -> None:
    """A request that is sent again carries nothing of the first time, once its fields are removed.

    Specified in context/api-propagators.md, Fields.
    """
    service = Service(names)
    plain = service.asked({})
    debugged = service.asked({"b3": "d"})
    assert plain.keys() | debugged.keys() == service.propagator.fields


HOSTILE = [
    "",
    "-",
    "----",
    "::::",
    "header",
    "0" * 32 + "-" + "0" * 16 + "-1",
    f"{TRACE}-{SPAN[:-1]}g-1",
    f"{TRACE}0-{SPAN}-1",
    f"{TRACE}-{SPAN}0-1",
    f"-{SPAN}-1",
    f"{TRACE}--1",
    f"+{TRACE[1:]}-{SPAN}-1",
    f"0x{TRACE[2:]}-{SPAN}-1",
    f"{TRACE[:4]}_{TRACE[5:]}-{SPAN}-1",
    "\u0660" * 32 + f"-{SPAN}-1",
    f"{'a' * 100_000}-{SPAN}-1",
    "1" * 100_000,
    " " * 9000 + f"{TRACE}-{SPAN}-1",
    " " * 9000 + f"{TRACE}:{SPAN}:0:1",
    f"{TRACE}:{SPAN}:0",
    f"{TRACE}:{SPAN}:0:1:1",
    f"{TRACE}:{SPAN}:0:x",
    f"{TRACE}:{SPAN}:0:-1",
    f"{'0' * 32}:{SPAN}:0:1",
    f"{TRACE}:0:0:1",
    "\ud800",
    "%",
    "%zz%",
    "\x00\r\n",
]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_nonsense_changes_nothing(value: str) -> None:
    """What cannot be read leaves what was read before, and fails no request.

    Specified in context/api-propagators.md, Extract.
    """
    before = B3Single().extract(SINGLE)
    headers = dict.fromkeys(["b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "uber-trace-id"], value)
    for propagator in (B3Single(), B3Multi(), Jaeger()):
        assert propagator.extract(headers, before) == before
        assert propagator.extract(headers) == Context()


@pytest.mark.parametrize("value", [None, 1, b"1", [], [None], [1, 2], {}, object()])
def test_values_of_other_types_change_nothing(value: object) -> None:
    """A framework that hands over something else than text costs the trace, not the request.

    Specified in context/api-propagators.md, Extract.
    """
    names = ["b3", "x-b3-traceid", "x-b3-sampled", "uber-trace-id", "uberctx-a", "jaeger-debug-id"]
    for propagator in (B3Single(), B3Multi(), Jaeger()):
        assert propagator.extract(dict.fromkeys(names, value)) == Context()


def test_first_value_wins() -> None:
    """A header that came twice is read once.

    Specified in context/api-propagators.md, Get.
    """
    headers = {"b3": [f"{TRACE}-{SPAN}-1", f"{OTHER}-{SPAN}-0"]}
    assert read(B3Single(), headers).trace_id == int(TRACE, 16)


def test_later_propagators_win() -> None:
    """Of several traces in one request the last propagator's is continued.

    Specified in context/api-propagators.md, Composite Propagator.
    """
    headers = {"b3": f"{TRACE}-{SPAN}-1", "uber-trace-id": f"{OTHER}:{SPAN}:0:1"}
    assert read(composed("b3,jaeger"), headers).trace_id == int(OTHER, 16)
    assert read(composed("jaeger,b3"), headers).trace_id == int(TRACE, 16)


def test_extraction_begins_with_the_given_context() -> None:
    """What a context says besides stays in it, and the context itself is not changed.

    Specified in context/api-propagators.md, Extract.
    """
    before = Context({"mine": 1})
    after = B3Single().extract(SINGLE, before)
    assert after["mine"] == 1
    assert get_current_span(after).get_span_context().is_valid
    assert before == Context({"mine": 1})
