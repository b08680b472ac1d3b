"""`spanloom storage info` and `verify`: what is in a store, and whether it is what was written."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pyarrow as pa

from spanloom_allinone.progress import Progress, bytes_told, count_told
from spanloom_model.errors import MisconfiguredError
from spanloom_storage.embedded import maintenance
from spanloom_storage.embedded.catalog import BlockFacts, Catalog

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
ATTRIBUTES_SHOWN: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """What has been acknowledged and is in no block yet."""

    count: int
    spans: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """What has been sorted into columns; times in nanoseconds since the Unix epoch."""

    count: int
    spans: int
    traces: int
    """A trace that is in several blocks counts in each."""
    bytes: int
    bytes_a_span: float | None
    start_range_ns: tuple[int, int] | None
    received_range_ns: tuple[int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One attribute key in all blocks; `bytes` are those of its columns, compressed."""

    owner: str
    key: str
    type: str | None
    values: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreInfo:
    """All that `spanloom storage info` tells; `--json` prints it as it is."""

    directory: str
    format: str
    segments: Segments
    blocks: Blocks
    attribute_count: int
    largest_attributes: list[Attribute]
    damaged: list[str]


def info(directory: Path, *, as_json: bool) -> None:
    """Print what is in the store."""
    try:
        found = _info(maintenance.opened(directory))
    except (OSError, pa.ArrowException) as exc:
        raise MisconfiguredError(f"the store cannot be read: {exc}; try `spanloom storage verify`") from exc
    print(json.dumps(asdict(found), indent=2) if as_json else "\n".join(_lines(found)))


def verify(directory: Path) -> None:
    """Name each damaged file; raises MisconfiguredError if there is one."""
    catalog = maintenance.opened(directory)
    files = size = damaged = 0
    try:
        with Progress("Verifying", whole=maintenance.size_to_check(catalog)) as progress:
            for checked in maintenance.check(catalog):
                progress.advance(checked.size, checked.name)
                files, size = files + 1, size + checked.size
                damaged += checked.damage is not None
                for told in filter(None, (checked.damage, checked.note)):
                    print(f"{checked.name} {told}")
    except OSError as exc:
        raise MisconfiguredError(f"the store cannot be read: {exc}") from exc
    if damaged:
        raise MisconfiguredError(f"{damaged} of {count_told(files, 'file')} not as written")
    print(f"{count_told(files, 'file')}, {bytes_told(size)}: all as they were written")
    for name in _set_aside(catalog):
        print(f"{name} was found damaged earlier and is set aside")


def _info(catalog: Catalog) -> StoreInfo:
    snapshot = catalog.snapshot()
    sizes = maintenance.attribute_sizes(catalog)
    largest = [
        Attribute(owner=owner, key=key, type=kind, values=found.value_count, bytes=found.size)
        for (owner, key, kind), found in sizes.items()
    ]
    largest.sort(key=lambda one: (-one.bytes, -one.values, one.owner, one.key, one.type or ""))
    unreadable = [f"blocks/{name}" for name in maintenance.unreadable_blocks(catalog)]
    return StoreInfo(
        directory=str(catalog.directory),
        format=maintenance.format_of(catalog),
        segments=_segments(snapshot.segments),
        blocks=_blocks(list(snapshot.blocks.values())),
        attribute_count=len(largest),
        largest_attributes=largest[:ATTRIBUTES_SHOWN],
        damaged=[*unreadable, *_set_aside(catalog)],
    )


def _set_aside(catalog: Catalog) -> list[str]:
    damaged = catalog.directory / "damaged"
    return sorted(f"damaged/{path.name}" for path in damaged.iterdir()) if damaged.is_dir() else []


def _segments(paths: Sequence[Path]) -> Segments:
    spans = size = count = 0
    with Progress("Reading segments", whole=len(paths)) as progress:
        for path in paths:
            progress.advance(1, path.name)
            try:
                size += path.stat().st_size
                spans += maintenance.segment_facts(path).span_count
            except FileNotFoundError:
                continue  # sealed meanwhile
            count += 1
    return Segments(count=count, spans=spans, bytes=size)


def _blocks(blocks: Sequence[BlockFacts]) -> Blocks:
    spans, size = sum(facts.span_count for facts in blocks), sum(facts.size_bytes for facts in blocks)
    starts = [facts.start_range_ns for facts in blocks if facts.start_range_ns[1]]
    return Blocks(
        count=len(blocks),
        spans=spans,
        traces=sum(facts.trace_count for facts in blocks),
        bytes=size,
        bytes_a_span=round(size / spans, 1) if spans else None,
        start_range_ns=_range(starts),
        received_range_ns=_range([facts.received_ns for facts in blocks]),
    )


def _range(ranges: Sequence[Sequence[int]]) -> tuple[int, int] | None:
    return (min(one[0] for one in ranges), max(one[1] for one in ranges)) if ranges else None


def _lines(found: StoreInfo) -> list[str]:
    segments, blocks = found.segments, found.blocks
    in_blocks = (
        count_told(blocks.spans, "span"),
        count_told(blocks.traces, "trace"),
        bytes_told(blocks.bytes),
    )
    rows = [
        ("directory", found.directory),
        ("format", found.format),
        (
            "segments",
            f"{segments.count:,}: {count_told(segments.spans, 'span')}, {bytes_told(segments.bytes)}",
        ),
        ("blocks", f"{blocks.count:,}: {', '.join(in_blocks)}"),
    ]
    if blocks.bytes_a_span is not None:
        rows.append(("bytes a span", f"{blocks.bytes_a_span:.1f} in blocks"))
    rows += [
        (name, f"{_moment(between[0])} to {_moment(between[1])}")
        for name, between in (("starts", blocks.start_range_ns), ("received", blocks.received_range_ns))
        if between is not None
    ]
    rows.append(("damaged", ", ".join(found.damaged) or "none"))
    return [f"{name:14}{told}" for name, told in rows] + _attribute_lines(found)


def _attribute_lines(found: StoreInfo) -> list[str]:
    if not found.largest_attributes:
        return []
    shown = len(found.largest_attributes)
    lines = ["", f"Attribute keys: the largest {shown} of {found.attribute_count:,}, in blocks"]
    lines.append(f"{'bytes':>10}  {'values':>12}  {'type':7} key")
    lines += [
        f"{bytes_told(one.bytes):>10}  {one.values:>12,}  {one.type or 'other':7} {one.owner}.{one.key}"
        for one in found.largest_attributes
    ]
    return lines


def _moment(time_ns: int) -> str:
    try:
        return (_EPOCH + timedelta(microseconds=time_ns // 1000)).strftime("%Y-%m-%d %H:%M:%SZ")
    except OverflowError:
        return f"{time_ns} ns"
