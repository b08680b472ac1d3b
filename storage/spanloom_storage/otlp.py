"""OTLP in and out of span batches; the only place that knows both."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from spanloom_model.envelope import seal
from spanloom_model.wire import MalformedError
from spanloom_storage.batch import SCHEMA, UNKNOWN_SERVICE, SpanBatch
from spanloom_storage.kernels import columns
from spanloom_storage.kernels.check import malformation

_REASONS: Final = {
    columns.BAD_TRACE_ID: "a trace id of other than 16 bytes, or all zero",
    columns.BAD_SPAN_ID: "a span id of other than 8 bytes, or all zero",
    columns.BAD_PARENT_ID: "a parent span id of other than 8 bytes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """The spans of a request that can be stored, and what became of the others."""

    batch: SpanBatch
    rejected: dict[str, int]
    """How many spans were refused, by reason."""


def decode(request: bytes) -> Decoded:
    """Turn an ExportTraceServiceRequest into a batch, without an object per span.

    A span that can never be stored is left out and counted. Raises MalformedError where the bytes
    are no such message at all.
    """
    data = np.frombuffer(request, np.uint8)
    if wrong := malformation(data):
        raise MalformedError(f"not an OTLP trace request: {wrong}")
    found = columns.columns(data)
    good = found.verdict == columns.GOOD
    rejected = {
        reason: count for code, reason in _REASONS.items() if (count := int((found.verdict == code).sum()))
    }
    batch = _table(data, found)
    return Decoded(batch=batch.filter(pa.array(good)) if rejected else batch, rejected=rejected)


def encode(batch: SpanBatch) -> bytes:
    """The batch as one ExportTraceServiceRequest; spans of one resource and scope stand together."""
    return seal(zip(*(batch[name].to_pylist() for name in ("resource", "scope", "span")), strict=True))


def _table(data: npt.NDArray[np.uint8], found: columns.Columns) -> SpanBatch:
    # The end may be missing; a duration of minus 56 years would hide that.
    ended = found.end_ns != 0
    duration_ns = np.where(ended, (found.end_ns - found.start_ns).view(np.int64), 0)
    service = _strings(data, found.service_at).fill_null(UNKNOWN_SERVICE).dictionary_encode()
    arrays = [
        _ids(found.trace_id),
        _ids(found.span_id),
        _ids(found.parent_id, found.has_parent),
        service.take(pa.array(found.resource)),
        _strings(data, found.name_at).dictionary_encode(),
        pa.array(found.kind),
        pa.array(found.status_code),
        pa.array(found.start_ns),
        pa.array(duration_ns),
        _messages(found.resource_bytes, found.resource_end).take(pa.array(found.resource)),
        _messages(found.scope_bytes, found.scope_end).take(pa.array(found.scope)),
        _gathered(data, found.span_at, pa.binary()),
    ]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _ids(rows: npt.NDArray[np.uint8], present: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    valid = None if present is None else pa.array(present).buffers()[1]
    kind = pa.binary(rows.shape[1])
    return pa.FixedSizeBinaryArray.from_buffers(kind, len(rows), [valid, pa.py_buffer(rows)])


def _strings(data: npt.NDArray[np.uint8], slices: npt.NDArray[np.int64]) -> pa.Array:
    """Slices of *data* as strings, null where the slice begins before the data."""
    there = slices[:, 0] >= 0
    array = _gathered(data, np.where(there[:, None], slices, 0), pa.string())
    return array if there.all() else pc.if_else(pa.array(there), array, None)


def _gathered(data: npt.NDArray[np.uint8], slices: npt.NDArray[np.int64], kind: pa.DataType) -> pa.Array:
    ends = np.zeros(len(slices) + 1, np.int32)
    np.cumsum(slices[:, 1] - slices[:, 0], out=ends[1:])
    target = np.empty(ends[-1], np.uint8)
    columns.gather(data, np.ascontiguousarray(slices), ends, target)
    return pa.Array.from_buffers(kind, len(slices), [None, pa.py_buffer(ends), pa.py_buffer(target)])


def _messages(found: npt.NDArray[np.uint8], ends: npt.NDArray[np.int32]) -> pa.Array:
    """Messages dictionary-encoded: agents send the same resource in every datagram."""
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(found[: ends[-1]])]
    return pa.Array.from_buffers(pa.binary(), len(ends) - 1, buffers).dictionary_encode()
