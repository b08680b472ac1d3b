"""Hypothesis strategies for Jaeger's spans, in the form in which they come out again."""

from collections.abc import Sequence
from typing import Final

from hypothesis import strategies as st

from spanloom_dialects.jaeger.model import (
    KeyValue,
    Log,
    Process,
    Reference,
    ReferenceType,
    Span,
    Value,
    ValueType,
)

_INT64: Final = st.integers(-(2**63), 2**63 - 1)
_TEXT: Final = st.text(max_size=12)
_MEANT: Final[dict[str, list[Value]]] = {
    "span.kind": ["server", "client", "producer", "consumer", "internal", "SERVER", ""],
    "error": [True, False, "true", 1],
    "otel.status_code": ["OK", "ERROR", "UNSET", "ok"],
    "otel.status_description": ["it broke", ""],
    "otel.scope.name": ["a.library", ""],
    "otel.scope.version": ["1.2"],
    "w3c.tracestate": ["a=1,b=2", ""],
    "internal.span.format": ["jaeger"],
    "event": ["retry", "", True],
    "message": ["retry", "it broke"],
    "service.name": ["another"],
}
"""Keys that mean something somewhere, with values that do and that do not."""

_VALUES: Final[dict[ValueType, st.SearchStrategy[Value]]] = {
    ValueType.STRING: _TEXT,
    ValueType.BOOL: st.booleans(),
    ValueType.INT64: _INT64,
    ValueType.FLOAT64: st.floats(allow_nan=False),
    ValueType.BINARY: st.binary(max_size=12),
}
_TYPES: Final = {str: ValueType.STRING, bool: ValueType.BOOL, int: ValueType.INT64}


@st.composite
def _tags(draw: st.DrawFn) -> KeyValue:
    if draw(st.booleans()):
        key = draw(st.sampled_from(sorted(_MEANT)))
        value: Value = draw(st.sampled_from(_MEANT[key]))
        return KeyValue(key, _TYPES[type(value)], value)
    kind = draw(st.sampled_from(ValueType))
    return KeyValue(draw(_TEXT), kind, draw(_VALUES[kind]))


_TAG_LISTS: Final = st.lists(_tags(), max_size=5)
_TRACE_IDS: Final = st.one_of(
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=8, max_size=8).map(lambda low: bytes(8) + low),
).filter(any)
_SPAN_IDS: Final = st.binary(min_size=8, max_size=8).filter(any)
_PROCESSES: Final = st.builds(Process, _TEXT.filter(bool), _TAG_LISTS)


def _times_ns(*, in_us: bool) -> st.SearchStrategy[int]:
    """Any that the encodings can say; what OTLP cannot is kept in microseconds."""
    usual = st.integers(0, 2**62 - 1)  # two of them together are a time that OTLP has
    any_ = _INT64.map(lambda time_us: time_us * 1000)
    return st.one_of(usual.map(lambda time_ns: time_ns // 1000 * 1000) if in_us else usual, any_)


@st.composite
def _references(draw: st.DrawFn, trace_id: bytes) -> Sequence[Reference]:
    """The parent first, if there is one, and then only such as could not be."""
    parent = draw(st.one_of(st.none(), _SPAN_IDS))
    others = st.builds(Reference, st.sampled_from(ReferenceType), _TRACE_IDS, _SPAN_IDS)
    rest = [one for one in draw(st.lists(others, max_size=2)) if one.trace_id != trace_id]
    rest += [
        Reference(ReferenceType.FOLLOWS_FROM, trace_id, one) for one in draw(st.lists(_SPAN_IDS, max_size=1))
    ]
    return ([Reference(ReferenceType.CHILD_OF, trace_id, parent)] if parent else []) + rest


@st.composite
def jaeger_spans(draw: st.DrawFn, *, for_thrift: bool) -> Span:
    """Any span that can be stored; *for_thrift*, without what only protobuf has."""
    trace_id = draw(_TRACE_IDS)
    times_ns = _times_ns(in_us=for_thrift)
    return Span(
        trace_id=trace_id,
        span_id=draw(_SPAN_IDS),
        operation_name=draw(_TEXT),
        process=draw(_PROCESSES),
        references=draw(_references(trace_id)),
        flags=draw(st.one_of(st.integers(0, 3), st.integers(-(2**31), 2**31 - 1))),
        start_ns=draw(times_ns),
        duration_ns=draw(times_ns),
        tags=draw(_TAG_LISTS),
        logs=draw(st.lists(st.builds(Log, times_ns, _TAG_LISTS), max_size=2)),
        process_id="" if for_thrift else draw(_TEXT),
        warnings=[] if for_thrift else draw(st.lists(_TEXT, max_size=2)),
    )
