"""Lists of Zipkin spans in JSON, version 2: the body of POST /api/v2/spans."""

from typing import Final

import msgspec

from spanloom_dialects.translated import ANY_NUMBER, Translated
from spanloom_dialects.zipkin import lenient
from spanloom_dialects.zipkin.encoding import encode, encoded
from spanloom_dialects.zipkin.lists import from_list
from spanloom_dialects.zipkin.span import Span

_SPAN: Final = msgspec.json.Decoder(Span)
_SPANS: Final = msgspec.json.Decoder(list[Span])


def from_json(body: bytes, *, most_spans: int = ANY_NUMBER) -> Translated:
    """Translate a list of spans. Raises DialectError where it is none; messages are Zipkin's."""
    return from_list(
        body,
        version=2,
        read_all=lambda body: encoded(_SPANS.decode(body)),
        read_one=lambda part, path: [encode(_span(part, path))],
        most_spans=most_spans,
    )


def _span(part: bytes, path: str) -> Span:
    try:
        return _SPAN.decode(part)
    except msgspec.ValidationError:
        return lenient.span(part, path)
