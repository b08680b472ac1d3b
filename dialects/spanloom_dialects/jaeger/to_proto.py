"""Jaeger's model of spans as protobuf messages."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any, Final

from spanloom_dialects.jaeger import messages
from spanloom_dialects.jaeger.model import KeyValue, Log, Process, Reference, ReferenceType, Span, ValueType

_TYPES: Final = {
    ValueType.STRING: (messages.STRING, "v_str"),
    ValueType.BOOL: (messages.BOOL, "v_bool"),
    ValueType.INT64: (messages.INT64, "v_int64"),
    ValueType.FLOAT64: (messages.FLOAT64, "v_float64"),
    ValueType.BINARY: (messages.BINARY, "v_binary"),
}
_REFERENCE_TYPES: Final = {ReferenceType.CHILD_OF: 0, ReferenceType.FOLLOWS_FROM: 1}


def to_batches(spans: Iterable[Span]) -> list[bytes]:
    """A `Batch` for each run of spans of one process."""
    return [
        _bytes(
            messages.Batch(
                process=_process(process), spans=[_bytes(_span(one, with_process=False)) for one in run]
            )
        )
        for process, run in groupby(spans, key=lambda span: span.process)
    ]


def to_spans(spans: Iterable[Span]) -> list[bytes]:
    """Each span as a message that has its process, as the query API streams them."""
    return [_bytes(_span(one, with_process=True)) for one in spans]


def _bytes(message: Any) -> bytes:
    return bytes(message.SerializeToString())


def _process(process: Process) -> Any:
    return messages.Process(
        service_name=process.service_name.encode(), tags=[_tag(one) for one in process.tags]
    )


def _span(span: Span, *, with_process: bool) -> Any:
    return messages.Span(
        trace_id=span.trace_id,
        span_id=span.span_id,
        operation_name=span.operation_name.encode(),
        references=[_reference(one) for one in span.references],
        flags=span.flags & 0xFFFFFFFF,
        start_time=_moment(span.start_ns),
        duration=_duration(span.duration_ns),
        tags=[_tag(one) for one in span.tags],
        logs=[_log(one) for one in span.logs],
        process=_process(span.process) if with_process else None,
        process_id=span.process_id.encode(),
        warnings=[one.encode() for one in span.warnings],
    )


def _moment(time_ns: int) -> Any:
    """A Timestamp, whose nanoseconds count forwards also before 1970."""
    seconds, nanos = divmod(time_ns, 10**9)
    return messages.Moment(seconds=seconds, nanos=nanos)


def _duration(duration_ns: int) -> Any:
    """A Duration, whose two parts have the same sign."""
    seconds, nanos = divmod(abs(duration_ns), 10**9)
    sign = -1 if duration_ns < 0 else 1
    return messages.Moment(seconds=sign * seconds, nanos=sign * nanos)


def _reference(reference: Reference) -> Any:
    return messages.SpanRef(
        trace_id=reference.trace_id,
        span_id=reference.span_id,
        ref_type=_REFERENCE_TYPES[reference.type],
    )


def _log(log: Log) -> Any:
    return messages.Log(timestamp=_moment(log.time_ns), fields=[_tag(one) for one in log.fields])


def _tag(tag: KeyValue) -> Any:
    kind, name = _TYPES[tag.type]
    value = tag.value.encode() if isinstance(tag.value, str) else tag.value
    return messages.KeyValue(key=tag.key.encode(), v_type=kind, **{name: value})
