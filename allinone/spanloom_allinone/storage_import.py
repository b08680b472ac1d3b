"""`spanloom storage import`: OTLP from files into a store.

All files are read to their end before the first span is stored, so that a mistake in the last of
them leaves nothing behind. JSON is turned into protobuf on the way, in a file without a name.
"""

import asyncio
import mmap
import re
import shutil
import struct
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from spanloom_allinone.progress import Progress, bytes_told, count_told
from spanloom_model.errors import MisconfiguredError
from spanloom_model.wire import MalformedError
from spanloom_storage import otlp, otlp_json
from spanloom_storage.api import SpanWriter
from spanloom_storage.batch import SpanRequest
from spanloom_storage.embedded import EmbeddedStorage
from spanloom_storage.errors import StorageError

CHUNK_BYTES: Final = 4 * 2**20
"""So much, or one message, is stored at once."""
MOST_MESSAGE_BYTES: Final = 2**31 - 1
"""Protobuf's own limit."""

_TAG: Final = 0x0A
"""The field that all of an ExportTraceServiceRequest is made of, with its length before it."""
_JSON: Final = re.compile(rb"\s*\{\s*[\"}]")
_COMPRESSED: Final = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2"}


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some bytes of a request, and where in the file they begin."""

    begin: int
    data: bytes


@dataclass(slots=True)
class _Source:
    """One file, to be read twice."""

    name: str
    view: memoryview
    lengths: str | None
    """How the length before each message is packed; None where messages just follow each other."""

    def pieces(self) -> Iterator[_Piece]:
        """All of it; raises MalformedError, which names the byte."""
        if self.lengths is not None:
            return _prefixed(self.view, self.lengths)
        return _fields(self.view)


async def import_files(directory: Path, names: Sequence[str]) -> None:
    """Store what is in the files; raises MisconfiguredError that says what could not be, and where."""
    _refuse_missing(names)
    stored = 0
    refused: Counter[str] = Counter()
    try:
        with ExitStack() as stack:
            async with EmbeddedStorage(directory).writer() as writer:
                sources = [await _source(name, directory, stack) for name in names]
                for source in sources:
                    refused += await _check(source)
                for source in sources:
                    stored += await _store(source, writer)
    except StorageError as exc:
        raise MisconfiguredError(f"{exc}; importing again adds what is missing") from exc
    for reason, count in sorted(refused.items()):
        print(f"Left out {count_told(count, 'span')}: {reason}.", file=sys.stderr)
    print(f"Imported {count_told(stored, 'span')} from {count_told(len(names), 'file')}.")


def _refuse_missing(names: Sequence[str]) -> None:
    """A misspelt name makes no store."""
    for name in names:
        if name != "-" and not Path(name).exists():
            raise MisconfiguredError(f"there is no file {name}")


async def _source(name: str, directory: Path, stack: ExitStack) -> _Source:
    """Open a file and find out what is in it; JSON is checked and turned into protobuf at once."""
    try:
        file = _seekable(name, directory, stack)
        view = _mapped(file)
        lengths = _lengths_of(view)
        if lengths is None and _JSON.match(view[:4096]):
            spool = _without_name(directory, stack)
            await _spool_json(name, file, len(view), spool)
            return _Source(name, _mapped(spool), None)
    except OSError as exc:
        raise MisconfiguredError(f"{name} cannot be read: {exc.strerror or exc}") from exc
    if lengths is None and view and view[0] != _TAG:
        raise MisconfiguredError(f"{name} is no OTLP, neither protobuf nor JSON lines{_hint(view)}")
    return _Source(name, view, lengths)


def _seekable(name: str, directory: Path, stack: ExitStack) -> BinaryIO:
    """The file, or a copy of what comes through a pipe."""
    path = Path(name)
    if name != "-" and path.is_file():
        return stack.enter_context(path.open("rb"))
    copy = _without_name(directory, stack)
    if name == "-":
        shutil.copyfileobj(sys.stdin.buffer, copy)
    else:
        with path.open("rb") as file:
            shutil.copyfileobj(file, copy)
    return copy


def _without_name(directory: Path, stack: ExitStack) -> BinaryIO:
    """A file that is gone whatever happens; beside the store, since /tmp may be memory."""
    return stack.enter_context(tempfile.TemporaryFile(dir=directory))


def _mapped(file: BinaryIO) -> memoryview:
    """The whole file, which stands at its beginning again."""
    file.flush()
    size = file.seek(0, 2)
    file.seek(0)
    if not size:
        return memoryview(b"")
    return memoryview(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ))


async def _spool_json(name: str, file: BinaryIO, size: int, spool: BinaryIO) -> None:
    """Each line as protobuf, one behind the other, which is one message."""
    with Progress(f"Reading {name}", whole=size) as progress:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    request = otlp_json.to_protobuf(line)
                    otlp.checked(request)
                except MalformedError as exc:
                    raise MisconfiguredError(f"{name}, line {number}: {exc}; nothing was stored") from exc
                spool.write(request)
            progress.advance(len(line), bytes_told(size))
            await asyncio.sleep(0)  # where Ctrl-C is noticed


async def _check(source: _Source) -> Counter[str]:
    """Look at every byte; how many spans cannot be stored, by reason."""
    refused: Counter[str] = Counter()
    with Progress(f"Checking {source.name}", whole=len(source.view)) as progress:
        try:
            for piece in source.pieces():
                refused.update(_checked(piece).rejected)
                progress.advance(len(piece.data))
                await asyncio.sleep(0)
        except MalformedError as exc:
            raise MisconfiguredError(f"{source.name}: {exc}; nothing was stored") from exc
    return refused


async def _store(source: _Source, writer: SpanWriter) -> int:
    stored = 0
    with Progress(f"Importing {source.name}", whole=len(source.view)) as progress:
        for request, size in _requests(source):
            if request.span_count:
                await writer.write(request)
            stored += request.span_count
            progress.advance(size, count_told(stored, "span"))
    return stored


def _requests(source: _Source) -> Iterator[tuple[SpanRequest, int]]:
    """(what is stored at once, how much of the file that was)."""
    parts: list[SpanRequest] = []
    size = 0
    for piece in source.pieces():
        if parts and size + len(piece.data) > CHUNK_BYTES:
            yield _joined(parts), size
            parts, size = [], 0
        parts.append(_checked(piece).request)
        size += len(piece.data)
    if parts:
        yield _joined(parts), size


def _joined(parts: Sequence[SpanRequest]) -> SpanRequest:
    return SpanRequest(b"".join(part.data for part in parts), sum(part.span_count for part in parts))


def _checked(piece: _Piece) -> otlp.Checked:
    """The piece's spans; what is wrong is told with its place in the file."""
    try:
        return otlp.checked(piece.data)
    except MalformedError as exc:
        told, found = re.subn(
            r"\(byte (\d+)\)", lambda match: f"(byte {piece.begin + int(match[1]):,})", str(exc)
        )
        raise MalformedError(told if found else f"{told} (from byte {piece.begin:,} on)") from exc


def _prefixed(view: memoryview, lengths: str) -> Iterator[_Piece]:
    """Messages, each behind its length in four bytes."""
    at = 0
    while at < len(view):
        begin = at + 4
        if begin > len(view):
            raise MalformedError(f"the file ends inside the length at byte {at:,}")
        (size,) = struct.unpack(lengths, view[at:begin])
        at = begin + size
        if at > len(view):
            raise MalformedError(f"the message at byte {begin:,} runs {at - len(view):,} bytes past the file")
        yield _Piece(begin, bytes(view[begin:at]))


def _fields(view: memoryview) -> Iterator[_Piece]:
    """One message of any size, in runs of whole fields."""
    begin = at = 0
    while at < len(view):
        end = _field_end(view, at)
        if end - begin > CHUNK_BYTES and at > begin:
            yield _Piece(begin, bytes(view[begin:at]))
            begin = at
        at = end
    if at > begin:
        yield _Piece(begin, bytes(view[begin:at]))


def _field_end(view: memoryview, at: int) -> int:
    """Where the field that begins here ends; raises MalformedError where it is none."""
    if view[at] != _TAG:
        raise MalformedError(f"no ResourceSpans begin at byte {at:,}")
    begin, size = at + 1, 0
    for shift in range(0, 35, 7):
        if begin == len(view):
            raise MalformedError(f"the file ends inside the field at byte {at:,}")
        byte = view[begin]
        begin += 1
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
    else:
        size = MOST_MESSAGE_BYTES + 1
    if size > MOST_MESSAGE_BYTES:
        raise MalformedError(f"the field at byte {at:,} claims more than 2 GiB")
    if begin + size > len(view):
        raise MalformedError(
            f"the field at byte {at:,} runs {begin + size - len(view):,} bytes past the file"
        )
    return begin + size


def _lengths_of(view: memoryview) -> str | None:
    """How lengths are packed, if the file begins with one: whole fields fill the first message exactly.

    The OpenTelemetry Collector's file exporter writes the most significant byte first.
    """
    for lengths in (">I", "<I"):
        if len(view) > 4:
            (size,) = struct.unpack(lengths, view[:4])
            if 0 < size <= len(view) - 4 and _is_fields(view[4 : 4 + size]):
                return lengths
    return None


def _is_fields(view: memoryview) -> bool:
    """Whether this is whole fields, end to end."""
    at = 0
    try:
        while at < len(view):
            at = _field_end(view, at)
    except MalformedError:
        return False
    return True


def _hint(view: memoryview) -> str:
    for magic, name in _COMPRESSED.items():
        if view[: len(magic)] == magic:
            return f": it is compressed with {name}, so decompress it first"
    return ""
