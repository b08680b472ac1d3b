"""Jaeger's spans as the JSON of its query API (`/api/traces`): `data`, without the envelope around it."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import Any, Final

from spanloom_dialects.jaeger.model import KeyValue, Process, Reference, Span, ValueType
from spanloom_dialects.values import as_number

MAX_SAFE_INTEGER: Final = 2**53 - 1
"""Beyond it, JavaScript loses digits: Jaeger writes such numbers as text."""


def traces(spans: Iterable[Span]) -> list[dict[str, Any]]:
    """Spans by trace, traces in the order of their first spans."""
    found: dict[bytes, list[Span]] = {}
    for span in spans:
        found.setdefault(span.trace_id, []).append(span)
    return [_trace(trace_id, trace) for trace_id, trace in found.items()]


def trace_id_text(trace_id: bytes) -> str:
    """16 digits where the upper half is zero, else 32."""
    text = trace_id.hex()
    return text[16:] if text.startswith("0" * 16) else text


def _trace(trace_id: bytes, spans: Sequence[Span]) -> dict[str, Any]:
    names: dict[int, str] = {}
    processes: dict[str, dict[str, Any]] = {}
    rows = []
    for span in spans:
        # Spans of one resource have one Process: to compare most is to compare where they are.
        name = names.get(id(span.process))
        if name is None:
            name = names[id(span.process)] = _process_name(processes, _process(span.process))
        rows.append(_span(span, name))
    return {"traceID": trace_id_text(trace_id), "spans": rows, "processes": processes, "warnings": None}


def _process_name(processes: dict[str, dict[str, Any]], process: dict[str, Any]) -> str:
    """The name of an equal process, else a new one."""
    for name, other in processes.items():
        if other == process:
            return name
    name = f"p{len(processes) + 1}"
    processes[name] = process
    return name


def _process(process: Process) -> dict[str, Any]:
    return {"serviceName": process.service_name, "tags": [_tag(one) for one in process.tags]}


def _span(span: Span, process_name: str) -> dict[str, Any]:
    return {
        "traceID": trace_id_text(span.trace_id),
        "spanID": span.span_id.hex(),
        **({"flags": span.flags} if span.flags else {}),
        "operationName": span.operation_name,
        "references": [_reference(one) for one in span.references],
        "startTime": span.start_ns // 1000,
        "duration": _whole_us(span.duration_ns),
        "tags": [_tag(one) for one in span.tags],
        "logs": [
            {"timestamp": log.time_ns // 1000, "fields": [_tag(one) for one in log.fields]}
            for log in span.logs
        ],
        "processID": process_name,
        "warnings": list(span.warnings) or None,
    }


def _whole_us(duration_ns: int) -> int:
    """Microseconds, what is less cut off on either side of zero."""
    return duration_ns // 1000 if duration_ns >= 0 else -(-duration_ns // 1000)


def _reference(reference: Reference) -> dict[str, Any]:
    return {
        "refType": reference.type.value,
        "traceID": trace_id_text(reference.trace_id),
        "spanID": reference.span_id.hex(),
    }


def _tag(tag: KeyValue) -> dict[str, Any]:
    return {"key": tag.key, "type": tag.type.value, "value": _value(tag)}


def _value(tag: KeyValue) -> Any:
    value = tag.value
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if tag.type is ValueType.FLOAT64:
        return as_number(float(value))
    if tag.type is ValueType.INT64 and abs(int(value)) > MAX_SAFE_INTEGER:
        return str(value)
    return value
