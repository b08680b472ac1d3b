"""Lists of Zipkin spans in JSON, of either version: read as a whole, or span by span where one is bad."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import msgspec

from spanloom_dialects.translated import Group, Translated, translated
from spanloom_dialects.zipkin import lenient
from spanloom_dialects.zipkin.ids import InvalidSpanError

ReadAll: TypeAlias = Callable[[bytes], Iterable[Group]]
"""The groups of a list; raises msgspec's errors where any span of it is bad."""
ReadOne: TypeAlias = Callable[[bytes, str], Iterable[Group]]
"""The groups of one span that stands at a path of the list; raises InvalidSpanError."""


def from_list(
    body: bytes, *, version: int, read_all: ReadAll, read_one: ReadOne, most_spans: int
) -> Translated:
    """Translate a list of spans. Raises DialectError where it is none; messages are Zipkin's."""
    lenient.check_list(body, version=version)
    try:
        return translated(read_all(body or b"[]"), most_spans)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return translated(_one_by_one(lenient.parts(body), read_one), most_spans)


def _one_by_one(parts: list[bytes], read_one: ReadOne) -> Iterator[Group]:
    """Each span on its own: what one lacks costs no other."""
    for place, part in enumerate(parts):
        try:
            yield from read_one(part, f"$[{place}]")
        except InvalidSpanError as exc:
            yield b"", [exc.refused]
