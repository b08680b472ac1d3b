"""Jaeger's model of spans as Thrift batches."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from types import SimpleNamespace
from typing import Final

from spanloom_dialects.jaeger.model import KeyValue, Log, Process, Reference, ReferenceType, Span, ValueType
from spanloom_dialects.jaeger.thrift_batch import batch_struct
from spanloom_dialects.thrift_wire import Encoding, written

_TYPES: Final = {
    ValueType.STRING: (0, "text"),
    ValueType.FLOAT64: (1, "number"),
    ValueType.BOOL: (2, "flag"),
    ValueType.INT64: (3, "whole"),
    ValueType.BINARY: (4, "blob"),
}
_REFERENCE_TYPES: Final = {ReferenceType.CHILD_OF: 0, ReferenceType.FOLLOWS_FROM: 1}


def to_batches(spans: Iterable[Span], encoding: Encoding = Encoding.BINARY) -> list[bytes]:
    """A `Batch` for each run of spans of one process.

    What Thrift has no field for is left out: warnings and the process's id. Of times, what is less than a
    microsecond is cut off.
    """
    return [
        written(
            SimpleNamespace(process=_process(process), spans=[_span(one) for one in run]),
            batch_struct,
            encoding,
        )
        for process, run in groupby(spans, key=lambda span: span.process)
    ]


def _process(process: Process) -> SimpleNamespace:
    return SimpleNamespace(
        service_name=process.service_name.encode(), tags=[_tag(one) for one in process.tags]
    )


def _span(span: Span) -> SimpleNamespace:
    high, low = _signed(span.trace_id[:8]), _signed(span.trace_id[8:])
    parent, references = _parent_first(span)
    return SimpleNamespace(
        low=low,
        high=high,
        span_id=_signed(span.span_id),
        parent_id=_signed(parent),
        name=span.operation_name.encode(),
        references=[_reference(one) for one in references] or None,
        flags=span.flags,
        start_us=span.start_ns // 1000,
        duration_us=span.duration_ns // 1000,
        tags=[_tag(one) for one in span.tags] or None,
        logs=[_log(one) for one in span.logs] or None,
    )


def _parent_first(span: Span) -> tuple[bytes, Sequence[Reference]]:
    """The parent, which has a field of its own, and the other references."""
    first = next(iter(span.references), None)
    if first is not None and first.type is ReferenceType.CHILD_OF and first.trace_id == span.trace_id:
        return first.span_id, span.references[1:]
    return bytes(8), span.references


def _reference(reference: Reference) -> SimpleNamespace:
    return SimpleNamespace(
        kind=_REFERENCE_TYPES[reference.type],
        low=_signed(reference.trace_id[8:]),
        high=_signed(reference.trace_id[:8]),
        span_id=_signed(reference.span_id),
    )


def _log(log: Log) -> SimpleNamespace:
    return SimpleNamespace(timestamp_us=log.time_ns // 1000, fields=[_tag(one) for one in log.fields])


def _tag(tag: KeyValue) -> SimpleNamespace:
    kind, name = _TYPES[tag.type]
    fields = dict.fromkeys(("text", "number", "flag", "whole", "blob"))
    value = tag.value.encode() if isinstance(tag.value, str) else tag.value
    return SimpleNamespace(**{**fields, name: value}, key=tag.key.encode(), kind=kind)


def _signed(id_: bytes) -> int:
    return int.from_bytes(id_, "big", signed=True)
