"""Lists of Zipkin spans in JSON, version 1: the body of POST /api/v1/spans."""

from collections.abc import Iterator
from typing import Final

from msgspec import UNSET

from spanloom_dialects.translated import Group, Translated, translated
from spanloom_dialects.zipkin import lenient
from spanloom_dialects.zipkin.encoding import encode
from spanloom_dialects.zipkin.ids import InvalidSpanError
from spanloom_dialects.zipkin.v1_conversion import converted
from spanloom_dialects.zipkin.v1_span import ADDRESSES, V1Annotation, V1BinaryAnnotation, V1Span

_TRUE: Final = ("true", "1")
"""What marks an address; old clients send text."""


def from_v1_json(body: bytes) -> Translated:
    """Translate a list of spans. Raises DialectError where it is none; messages are Zipkin's."""
    lenient.check_list(body, version=1)
    return translated(_groups(lenient.parts(body or b"[]")))


def _groups(parts: list[bytes]) -> Iterator[Group]:
    for place, part in enumerate(parts):
        try:
            yield from [encode(span) for span in converted(_span(part, f"$[{place}]"))]
        except InvalidSpanError as exc:
            yield b"", [exc.refused]


def _span(part: bytes, path: str) -> V1Span:
    fields = lenient.members(part, path)
    trace_id, own_id = (lenient.needed_text(fields, name, path) for name in ("traceId", "id"))
    if trace_id is UNSET or own_id is UNSET:
        lacks = " ".join(name for name in ("traceId", "id") if name not in fields)
        raise InvalidSpanError("a span without its ids", f"Missing : {lacks}")
    return V1Span(
        trace_id=str(trace_id),
        parent_id=lenient.get(fields, "parentId", path, lenient.text),
        id=str(own_id),
        name=lenient.get(fields, "name", path, lenient.text),
        timestamp=lenient.get(fields, "timestamp", path, lenient.whole) or 0,
        duration=lenient.get(fields, "duration", path, lenient.whole) or 0,
        debug=lenient.get(fields, "debug", path, lenient.truth) or False,
        annotations=lenient.get(fields, "annotations", path, _annotations) or [],
        binary_annotations=lenient.get(fields, "binaryAnnotations", path, _binary_annotations) or [],
    )


def _annotations(part: bytes, path: str) -> list[V1Annotation]:
    return [_annotation(one, f"{path}[{place}]") for place, one in enumerate(lenient.elements(part, path))]


def _annotation(part: bytes, path: str) -> V1Annotation:
    fields = lenient.members(part, path)
    timestamp = lenient.get(fields, "timestamp", path, lenient.whole)
    value = lenient.get(fields, "value", path, lenient.text)
    if timestamp is None or value is None:
        raise InvalidSpanError("a bad annotation", f"Incomplete annotation at {path}")
    return V1Annotation(timestamp, value, lenient.get(fields, "endpoint", path, lenient.endpoint))


def _binary_annotations(part: bytes, path: str) -> list[V1BinaryAnnotation]:
    places = enumerate(lenient.elements(part, path))
    return [_binary_annotation(one, f"{path}[{place}]") for place, one in places]


def _binary_annotation(part: bytes, path: str) -> V1BinaryAnnotation:
    fields = lenient.members(part, path)
    key, value = lenient.get(fields, "key", path, lenient.text), lenient.get(fields, "value", path, _value)
    if key is None or value is None:
        raise InvalidSpanError("a bad binary annotation", f"Incomplete binaryAnnotation at {path}")
    endpoint = lenient.get(fields, "endpoint", path, lenient.endpoint)
    return V1BinaryAnnotation(key, None if key in ADDRESSES and value in _TRUE else value, endpoint)


def _value(part: bytes, path: str) -> str:
    """A value of any of the simple types as text."""
    return part.decode() if part in (b"true", b"false") else lenient.text(part, path)
