"""`spanloom storage export`: the traces of a search as OTLP, as JSON lines or as a Parquet table."""

import base64
import json
import math
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from spanloom_allinone.progress import Progress, count_told
from spanloom_model.errors import MisconfiguredError
from spanloom_model.ids import TraceId
from spanloom_model.span import Attributes, AttributeValue, Span
from spanloom_query.parameters import BadRequestError, moment_ns
from spanloom_storage import otlp, otlp_json
from spanloom_storage.api import TraceQuery, TraceSummary
from spanloom_storage.batch import SpanBatch
from spanloom_storage.embedded import maintenance
from spanloom_storage.errors import StorageError
from spanloom_storage.span_sets import span_with
from spanloom_storage.spans import spans_of

PAGE_TRACES: Final = 20_000
"""A page is ids and one line for each; a search begins anew with each page, so that they are large."""
PIECE_SPANS: Final = 10_000
"""So many spans, or one trace, are in memory at a time."""
LINE_SPANS: Final = 1000
"""Spans in a line of JSON, or one trace: what a collector would take as one request."""

_UNITS_NS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_LAST_TIMESTAMP_NS: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options as they were given."""

    service: str | None = None
    operation: str | None = None
    min_duration: str | None = None
    since: str | None = None
    until: str | None = None
    limit: int | None = None

    def query(self) -> TraceQuery:
        """What to find; raises MisconfiguredError for what makes no sense."""
        if self.limit is not None and self.limit < 1:
            raise MisconfiguredError(f"--limit is at least 1, not {self.limit}")
        least_ns = None if self.min_duration is None else duration_ns(self.min_duration)
        return TraceQuery(
            where=span_with(service=self.service, name=self.operation, min_duration_ns=least_ns),
            start_ns=_moment("--since", self.since),
            end_ns=_moment("--until", self.until),
        )


class _Sink(Protocol):
    """Where spans go, piece by piece."""

    def write(self, spans: SpanBatch) -> None: ...

    def close(self) -> None: ...


async def export(directory: Path, *, to: str, form: str, asked: Asked) -> None:
    """Write the traces that were asked for; a file appears whole or not at all."""
    query = asked.query()
    reader = maintenance.BulkReader(maintenance.opened(directory).directory)
    trace_count = span_count = 0
    try:
        with _opened(to) as file, Progress("Exporting") as progress:
            sink = FORMATS[form](file)
            async for spans in _pieces(reader, query, asked.limit):
                sink.write(spans)
                span_count += spans.num_rows
                trace_count += pc.count_distinct(spans["trace_id"]).as_py()
                progress.advance(0, _told(trace_count, span_count))
            sink.close()
    except StorageError as exc:
        raise MisconfiguredError(str(exc)) from exc
    except BrokenPipeError:
        raise
    except OSError as exc:
        raise MisconfiguredError(f"{to} cannot be written: {exc.strerror or exc}") from exc
    print(f"Exported {_told(trace_count, span_count)}.", file=sys.stderr)


def _told(trace_count: int, span_count: int) -> str:
    return f"{count_told(trace_count, 'trace')}, {count_told(span_count, 'span')}"


async def _pieces(
    reader: maintenance.BulkReader, query: TraceQuery, limit: int | None
) -> AsyncIterator[SpanBatch]:
    """The spans that match, newest page first, in pieces small enough to hold; a trace is in one."""
    left = limit
    while left is None or left > 0:
        page = await reader.find(replace(query, limit=min(PAGE_TRACES, left or PAGE_TRACES)))
        for trace_ids in _groups(page.traces):
            yield await reader.traces(trace_ids)
        if page.next is None:
            return
        left = None if left is None else left - len(page.traces)
        query = replace(query, after=page.next)


def _groups(traces: Sequence[TraceSummary]) -> Iterator[list[TraceId]]:
    """Traces of about PIECE_SPANS spans together, by id: blocks are sorted so, and read once then."""
    group: list[TraceId] = []
    span_count = 0
    for summary in sorted(traces, key=lambda summary: summary.trace_id):
        if group and span_count + summary.span_count > PIECE_SPANS:
            yield group
            group, span_count = [], 0
        group.append(summary.trace_id)
        span_count += summary.span_count
    if group:
        yield group


class _Otlp:
    """One ExportTraceServiceRequest: two of them one behind the other are one."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, spans: SpanBatch) -> None:
        self._file.write(otlp.encoded(spans))

    def close(self) -> None:
        pass


class _JsonLines:
    """A request a line, as the OpenTelemetry Collector's file exporter writes them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, spans: SpanBatch) -> None:
        for begin in range(0, spans.num_rows, LINE_SPANS):
            self._file.write(otlp_json.from_protobuf(otlp.encoded(spans.slice(begin, LINE_SPANS))) + b"\n")

    def close(self) -> None:
        pass


_WORD: Final = pa.dictionary(pa.int32(), pa.string())
TABLE: Final = pa.schema(
    [
        pa.field("trace_id", pa.string(), nullable=False),
        pa.field("span_id", pa.string(), nullable=False),
        pa.field("parent_id", pa.string()),
        pa.field("service", _WORD, nullable=False),
        pa.field("name", _WORD, nullable=False),
        pa.field("kind", _WORD, nullable=False),
        pa.field("status", _WORD, nullable=False),
        pa.field("status_message", pa.string(), nullable=False),
        pa.field("start", pa.timestamp("ns", tz="UTC")),
        pa.field("duration_ns", pa.int64(), nullable=False),
        pa.field("attributes", pa.string(), nullable=False),
        pa.field("resource_attributes", _WORD, nullable=False),
    ]
)
"""Attributes are JSON objects in text. A start that is not known, or after 2262, is null."""


class _Parquet:
    """A flat table, a row for each span."""

    def __init__(self, file: BinaryIO) -> None:
        # Arrow asks where it is, which a pipe cannot say.
        self._counted = _Counted(file)
        self._file = pa.PythonFile(self._counted, mode="w")
        self._writer = pq.ParquetWriter(self._file, TABLE, compression="zstd")

    def write(self, spans: SpanBatch) -> None:
        self._writer.write_table(_table(spans_of(spans)))

    def close(self) -> None:
        self._writer.close()


def _table(spans: Sequence[Span]) -> Any:
    resources = {id(span.resource): json_text(span.resource.attributes) for span in spans}
    columns = [
        [span.trace_id.hex() for span in spans],
        [span.span_id.hex() for span in spans],
        [None if span.parent_id is None else span.parent_id.hex() for span in spans],
        [span.service for span in spans],
        [span.name for span in spans],
        [span.kind.label for span in spans],
        [span.status.label for span in spans],
        [span.status_message for span in spans],
        [span.start_ns if 0 < span.start_ns <= _LAST_TIMESTAMP_NS else None for span in spans],
        [span.duration_ns for span in spans],
        [json_text(span.attributes) for span in spans],
        [resources[id(span.resource)] for span in spans],
    ]
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, TABLE, strict=True)], schema=TABLE
    )


def json_text(attributes: Attributes) -> str:
    """Attributes as a JSON object; of a key sent twice the last value, bytes in base64."""
    return json.dumps(_plain(attributes), ensure_ascii=False, separators=(",", ":"))


def _plain(value: AttributeValue) -> Any:
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case bytes():
            return base64.b64encode(value).decode()
        case tuple():
            return [_plain(item) for item in value]
        case Attributes():
            return {key: _plain(item) for key, item in value}
    return value


class _Counted:
    """A file that knows how much has been written to it."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._written = 0

    def write(self, data: bytes) -> int:
        self._written += len(data)
        return self._file.write(data)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        """Whoever opened the file closes it."""


FORMATS: Final[dict[str, Callable[[BinaryIO], _Sink]]] = {
    "otlp": _Otlp,
    "jsonl": _JsonLines,
    "parquet": _Parquet,
}


@contextmanager
def _opened(to: str) -> Iterator[BinaryIO]:
    """Standard output, a device or pipe, or a new file that gets its name when it is whole."""
    if to == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(to)
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def duration_ns(text: str) -> int:
    """A duration such as 250ms or 1.5s; raises MisconfiguredError for anything else."""
    found = re.fullmatch(r"(\d{1,12}(?:\.\d{1,9})?) ?(ns|us|µs|μs|ms|s|m|h)", text.strip(), re.ASCII)
    if found is None:
        raise MisconfiguredError(f"--min-duration is a number with ns, us, ms, s, m or h, not {text[:40]!r}")
    whole, _, fraction = found[1].partition(".")
    unit = _UNITS_NS[found[2]]
    return int(whole) * unit + int(fraction.ljust(9, "0") or 0) * unit // 10**9


def _moment(flag: str, text: str | None) -> int | None:
    try:
        return moment_ns(text)
    except BadRequestError as exc:
        raise MisconfiguredError(f"{flag}: {exc}") from exc
