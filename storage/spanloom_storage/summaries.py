"""Spans of some traces: each once, and each trace as one line."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from spanloom_model.ids import TraceId
from spanloom_model.span import StatusCode
from spanloom_storage.api import ServiceCount, TraceSummary
from spanloom_storage.batch import SpanBatch


def has_repeats(spans: pa.Table) -> bool:
    """Whether an id of a span comes twice in a trace."""
    ids = pc.binary_join_element_wise(
        *(spans[name].cast(pa.binary()) for name in ("trace_id", "span_id")), b""
    )
    return bool(len(pc.unique(ids)) < spans.num_rows)


def distinct(spans: SpanBatch) -> SpanBatch:
    """The batch without repeats: the same span sent twice is one span."""
    if not has_repeats(spans):
        return spans
    # Ids repeat: only now is it worth comparing whole spans, for which Arrow has no grouping.
    columns = [spans[name].to_pylist() for name in ("trace_id", "resource", "scope", "span")]
    first: dict[tuple[bytes, ...], int] = {}
    for row, whole in enumerate(zip(*columns, strict=True)):
        first.setdefault(whole, row)
    return spans.take(pa.array(first.values(), pa.int64()))


def summarise(spans: pa.Table) -> dict[TraceId, TraceSummary]:
    """Each trace of distinct spans as one line; of a batch, or of outlines."""
    traces = _coded(spans["trace_id"])
    facts = pa.table(
        {
            "trace": traces.indices,
            "root": pc.is_null(spans["parent_id"]),
            "service": _words(spans, "service"),
            "name": _words(spans, "name"),
            "start_ns": _known_starts(spans),
            "end_ns": _ends(spans),
            "error": pc.equal(spans["status_code"], StatusCode.ERROR.value),
        }
    )
    ids = traces.dictionary.to_pylist()
    by_service = facts.group_by(["trace", "service"]).aggregate([("error", "sum"), ("error", "count")])
    counts: dict[TraceId, list[ServiceCount]] = {}
    for row in by_service.to_pylist():
        counts.setdefault(ids[row["trace"]], []).append(
            ServiceCount(service=row["service"], span_count=row["error_count"], error_count=row["error_sum"])
        )
    roots_first = facts.sort_by([("trace", "ascending"), ("root", "descending"), ("start_ns", "ascending")])
    whole = roots_first.group_by("trace", use_threads=False).aggregate(
        [("service", "first"), ("name", "first"), ("root", "first"), ("start_ns", "min"), ("end_ns", "max")]
    )
    named = ((ids[row["trace"]], row) for row in whole.to_pylist())
    return {trace_id: _summary(trace_id, row, counts[trace_id]) for trace_id, row in named}


def _summary(trace_id: TraceId, row: dict[str, Any], counts: Sequence[ServiceCount]) -> TraceSummary:
    return TraceSummary(
        trace_id=trace_id,
        service=row["service_first"],
        name=row["name_first"],
        root_missing=not row["root_first"],
        start_ns=row["start_ns_min"] or 0,
        duration_ns=max(0, row["end_ns_max"] - (row["start_ns_min"] or 0)),
        span_count=sum(count.span_count for count in counts),
        error_count=sum(count.error_count for count in counts),
        services=tuple(sorted(counts, key=lambda count: (-count.span_count, count.service))),
    )


def _coded(ids: pa.ChunkedArray) -> pa.DictionaryArray:
    """Ids as small numbers, to group by.

    Arrow groups ids themselves by a hash that takes counted-up ones badly: 100,000 spans took 6 s.
    """
    return ids.combine_chunks().dictionary_encode()


def _known_starts(spans: SpanBatch) -> pa.ChunkedArray:
    """When spans started; null where they do not say, which is 0 on the wire."""
    return pc.if_else(
        pc.equal(spans["start_ns"], _moment(0)), pa.scalar(None, pa.uint64()), spans["start_ns"]
    )


def _ends(spans: SpanBatch) -> pa.ChunkedArray:
    """When spans ended: unsigned as on the wire, so that a clock far in the future does not wrap."""
    signed = pc.add(spans["start_ns"].cast(pa.int64(), safe=False), spans["duration_ns"])
    return signed.cast(pa.uint64(), safe=False)


def _moment(time_ns: int) -> pa.Scalar:
    return pa.scalar(min(max(time_ns, 0), 2**64 - 1), pa.uint64())


def _words(spans: SpanBatch, column: str) -> pa.ChunkedArray:
    """A column of words as plain strings: each batch has its own dictionary."""
    return spans[column].cast(pa.string())
