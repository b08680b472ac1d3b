"""Answers from span batches, as column arithmetic: what memory and embedded backends both run."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from spanloom_model.ids import TraceId
from spanloom_model.span import StatusCode
from spanloom_storage.api import Operation, Place, ServiceCount, TracePage, TraceQuery, TraceSummary
from spanloom_storage.batch import SpanBatch


def trace(spans: SpanBatch, trace_id: TraceId) -> SpanBatch:
    """The spans of one trace, each once."""
    return distinct(spans.filter(pc.equal(spans["trace_id"], pa.scalar(trace_id, pa.binary(16)))))


def find(spans: SpanBatch, query: TraceQuery) -> TracePage:
    """One page of the traces with a span that matches."""
    matching = pc.unique(spans["trace_id"].filter(_matches(spans, query)))
    times = spans.select(["trace_id", "start_ns"])
    starts = _starts(times.filter(pc.is_in(times["trace_id"], matching)))
    if query.after is not None:
        starts = starts.filter(_behind(starts, query.after))
    page = starts["trace_id"][: query.limit]
    summaries = summarise(distinct(spans.filter(pc.is_in(spans["trace_id"], pa.chunked_array(page)))))
    in_order = [summaries[trace_id] for trace_id in page.to_pylist()]
    more = starts.num_rows > len(in_order)
    return TracePage(traces=tuple(in_order), next=in_order[-1].place if more and in_order else None)


def _starts(spans: SpanBatch) -> pa.Table:
    """When each trace started, in the order of results; 0 where no span of it says so."""
    traces = _coded(spans["trace_id"])
    known = pa.table({"trace": traces.indices, "start_ns": _known_starts(spans)})
    starts = known.group_by("trace").aggregate([("start_ns", "min")])
    return pa.table(
        {
            "trace_id": traces.dictionary.take(starts["trace"].combine_chunks()),
            "start_ns_min": pc.fill_null(starts["start_ns_min"], _moment(0)),
        }
    ).sort_by([("start_ns_min", "descending"), ("trace_id", "ascending")])


def services(spans: SpanBatch) -> Sequence[str]:
    """All services, sorted."""
    return sorted(pc.unique(_words(spans, "service")).to_pylist())


def operations(spans: SpanBatch, service: str) -> Sequence[Operation]:
    """The names and kinds of a service's spans, sorted."""
    mine = spans.filter(pc.equal(_words(spans, "service"), service))
    kinds = pa.table({"name": _words(mine, "name"), "kind": mine["kind"]}).group_by(["name", "kind"])
    return sorted(Operation(**row) for row in kinds.aggregate([]).to_pylist())


def distinct(spans: SpanBatch) -> SpanBatch:
    """The batch without repeats: the same span sent twice is one span."""
    ids = pc.binary_join_element_wise(
        *(spans[name].cast(pa.binary()) for name in ("trace_id", "span_id")), b""
    )
    if len(pc.unique(ids)) == spans.num_rows:
        return spans
    # Ids repeat: only now is it worth comparing whole spans, for which Arrow has no grouping.
    columns = [spans[name].to_pylist() for name in ("trace_id", "resource", "scope", "span")]
    first: dict[tuple[bytes, ...], int] = {}
    for row, whole in enumerate(zip(*columns, strict=True)):
        first.setdefault(whole, row)
    return spans.take(pa.array(first.values(), pa.int64()))


def summarise(spans: SpanBatch) -> dict[TraceId, TraceSummary]:
    """Each trace of a batch of distinct spans as one line."""
    traces = _coded(spans["trace_id"])
    facts = pa.table(
        {
            "trace": traces.indices,
            "root": pc.is_null(spans["parent_id"]),
            "service": _words(spans, "service"),
            "name": _words(spans, "name"),
            "start_ns": _known_starts(spans),
            "end_ns": pc.add(spans["start_ns"].cast(pa.int64(), safe=False), spans["duration_ns"]),
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


def _matches(spans: SpanBatch, query: TraceQuery) -> pa.ChunkedArray:
    """Which spans meet all conditions."""
    mask = pa.chunked_array([pa.repeat(pa.scalar(value=True), spans.num_rows)])
    if query.service is not None:
        mask = pc.and_(mask, pc.equal(_words(spans, "service"), query.service))
    if query.operation is not None:
        mask = pc.and_(mask, pc.equal(_words(spans, "name"), query.operation))
    if query.start_ns is not None:
        mask = pc.and_(mask, pc.greater_equal(spans["start_ns"], _moment(query.start_ns)))
    if query.end_ns is not None:
        mask = pc.and_(mask, pc.less(spans["start_ns"], _moment(query.end_ns)))
    return mask


def _behind(starts: pa.Table, place: Place) -> pa.ChunkedArray:
    """Which traces come after *place* in the order of results."""
    start = _moment(place.start_ns)
    same_start = pc.equal(starts["start_ns_min"], start)
    return pc.or_(
        pc.less(starts["start_ns_min"], start),
        pc.and_(same_start, pc.greater(starts["trace_id"], pa.scalar(place.trace_id, pa.binary(16)))),
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


def _moment(time_ns: int) -> pa.Scalar:
    return pa.scalar(min(max(time_ns, 0), 2**64 - 1), pa.uint64())


def _words(spans: SpanBatch, column: str) -> pa.ChunkedArray:
    """A column of words as plain strings: each batch has its own dictionary."""
    return spans[column].cast(pa.string())
