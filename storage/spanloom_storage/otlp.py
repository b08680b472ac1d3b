"""OTLP in and out of storage; the only place that knows both wire bytes and batches."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spanloom_model.envelope import seal
from spanloom_model.wire import MalformedError
from spanloom_storage import arrays
from spanloom_storage.batch import OUTLINE, SCHEMA, SpanBatch, SpanRequest
from spanloom_storage.kernels import check, decode, encode
from spanloom_storage.kernels.rows import Rows
from spanloom_storage.limits import UNLIMITED, Cutter, SpanLimits
from spanloom_storage.services import services_of

_REASONS: Final = {
    "bad_trace_ids": "a trace id of other than 16 bytes, or all zero",
    "bad_span_ids": "a span id of other than 8 bytes, or all zero",
    "bad_parent_ids": "a parent span id of other than 8 bytes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The spans of a request that can be stored, and what became of the others."""

    request: SpanRequest
    rejected: dict[str, int]
    """How many spans were refused, by reason."""
    cut: dict[str, int]
    """How much of the others was left out, by reason."""


def checked(request: bytes, limits: SpanLimits = UNLIMITED) -> Checked:
    """Look at every byte of an ExportTraceServiceRequest before any of it is stored.

    A span that can never be stored is left out and counted; what one says beyond the limits is cut.
    Raises MalformedError where the bytes are no such message at all.
    """
    found = check.check(np.frombuffer(request, np.uint8), limits.max_value_bytes, limits.max_attributes)
    if isinstance(found, str):
        raise MalformedError(f"not an OTLP trace request: {found}")
    counts = {reason: getattr(found, name) for name, reason in _REASONS.items()}
    rejected = {reason: count for reason, count in counts.items() if count}
    kept, cut = request, dict[str, int]()
    if rejected or found.beyond_limits:
        kept, cut = _storable(request, limits)
    return Checked(request=SpanRequest(kept, found.span_count), rejected=rejected, cut=cut)


def rows_of(request: SpanRequest) -> Rows:
    """The spans of a request as rows."""
    return decode.decode(np.frombuffer(request.data, np.uint8))


def batch_of_rows(rows: Rows, chosen: npt.NDArray[np.int64] | None = None) -> SpanBatch:
    """The chosen rows, or all, as a batch."""
    if chosen is None:
        chosen = np.arange(len(rows.spans) - 1)
    spans = rows.spans[chosen]
    outline = outline_of_rows(rows, chosen)
    messages, ends = encode.encode(rows, chosen)
    columns = {
        **{name: outline[name] for name in outline.column_names},
        "kind": pa.array(spans["kind"].copy()),
        "resource": pa.DictionaryArray.from_arrays(
            pa.array(spans["resource"].copy()), arrays.binaries(rows.resources, rows.resource_ends)
        ),
        "scope": pa.DictionaryArray.from_arrays(
            pa.array(spans["scope"].copy()), arrays.binaries(rows.scopes, rows.scope_ends)
        ),
        "span": arrays.binaries(messages, ends),
    }
    return pa.Table.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def outline_of_rows(rows: Rows, chosen: npt.NDArray[np.int64]) -> pa.Table:
    """The chosen rows as a table of OUTLINE."""
    spans = rows.spans[chosen]
    services = services_of(decode.decode_owners(rows.resources, rows.resource_ends, pair_tag=10))
    duration_ns = np.where(spans["end_ns"] != 0, (spans["end_ns"] - spans["start_ns"]).view(np.int64), 0)
    columns = [
        arrays.trace_ids(spans),
        arrays.span_ids(spans["span_id"]),
        arrays.span_ids(spans["parent_id"], spans["parent_id"] != 0),
        services.dictionary_encode().take(pa.array(spans["resource"].copy())),
        arrays.texts(rows.data, spans, "name", needed=True),
        pa.array(spans["status_code"].copy()),
        pa.array(spans["start_ns"].copy()),
        pa.array(duration_ns),
    ]
    return pa.Table.from_arrays(columns, schema=OUTLINE)


def decoded(request: SpanRequest) -> SpanBatch:
    """A request as a batch."""
    return batch_of_rows(rows_of(request))


def encoded(batch: SpanBatch) -> bytes:
    """The batch as one ExportTraceServiceRequest; spans of one resource and scope stand together."""
    return seal(zip(*(batch[name].to_pylist() for name in ("resource", "scope", "span")), strict=True))


def _storable(request: bytes, limits: SpanLimits) -> tuple[bytes, dict[str, int]]:
    """The request without spans that are bad, and what was cut of the others."""
    rows = decode.decode(np.frombuffer(request, np.uint8))
    batch = batch_of_rows(rows, np.flatnonzero(rows.spans["bad"][:-1] == 0))
    cutter = Cutter(limits)
    resources = _by_distinct(cutter.resource, batch["resource"])
    scopes = _by_distinct(cutter.scope, batch["scope"])
    spans = map(cutter.span, batch["span"].to_pylist())
    return seal(zip(resources, scopes, spans, strict=True)), {
        reason: count for reason, count in cutter.counts.items() if count
    }


def _by_distinct(cut: Callable[[bytes], bytes], messages: pa.ChunkedArray) -> Iterator[bytes]:
    """What is said of many spans is cut once."""
    known: dict[bytes, bytes] = {}
    for message in messages.to_pylist():
        if message not in known:
            known[message] = cut(message)
        yield known[message]
