"""Lists of Zipkin spans in JSON, version 2: the body of POST /api/v2/spans."""

from collections.abc import Iterator
from typing import Final

import msgspec

from spanloom_dialects.translated import ANY_NUMBER, Group, Translated, translated
from spanloom_dialects.zipkin import lenient
from spanloom_dialects.zipkin.encoding import encode, encoded
from spanloom_dialects.zipkin.ids import InvalidSpanError
from spanloom_dialects.zipkin.span import Span

_SPAN: Final = msgspec.json.Decoder(Span)
_SPANS: Final = msgspec.json.Decoder(list[Span])


def from_json(body: bytes, *, most_spans: int = ANY_NUMBER) -> Translated:
    """Translate a list of spans. Raises DialectError where it is none; messages are Zipkin's."""
    lenient.check_list(body, version=2)
    try:
        return translated(encoded(_SPANS.decode(body or b"[]")), most_spans)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return translated(_one_by_one(lenient.parts(body)), most_spans)


def _one_by_one(parts: list[bytes]) -> Iterator[Group]:
    """Each span on its own: what one lacks costs no other."""
    for place, part in enumerate(parts):
        try:
            yield encode(_span(part, f"$[{place}]"))
        except InvalidSpanError as exc:
            yield b"", [exc.refused]


def _span(part: bytes, path: str) -> Span:
    try:
        return _SPAN.decode(part)
    except msgspec.ValidationError:
        return lenient.span(part, path)
