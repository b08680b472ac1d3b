"""Lists of Zipkin spans in JSON, version 1: the body of POST /api/v1/spans."""

from typing import Final

import msgspec

from spanloom_dialects.translated import ANY_NUMBER, Translated
from spanloom_dialects.zipkin import lenient
from spanloom_dialects.zipkin.ids import InvalidSpanError
from spanloom_dialects.zipkin.lists import from_list
from spanloom_dialects.zipkin.v1_conversion import encoded, in_version_2
from spanloom_dialects.zipkin.v1_span import V1Annotation, V1BinaryAnnotation, V1Span

_SPAN: Final = msgspec.json.Decoder(V1Span)
_SPANS: Final = msgspec.json.Decoder(list[V1Span])


def from_v1_json(body: bytes, *, most_spans: int = ANY_NUMBER) -> Translated:
    """Translate a list of spans. Raises DialectError where it is none; messages are Zipkin's."""
    return from_list(
        body,
        version=1,
        read_all=lambda body: encoded(_SPANS.decode(body)),
        read_one=lambda part, path: in_version_2(_span(part, path)),
        most_spans=most_spans,
    )


def _span(part: bytes, path: str) -> V1Span:
    try:
        return _SPAN.decode(part)
    except msgspec.ValidationError:
        pass
    fields = lenient.members(part, path)
    return V1Span(
        trace_id=lenient.needed_text(fields, "traceId", path),
        parent_id=lenient.get(fields, "parentId", path, lenient.text),
        id=lenient.needed_text(fields, "id", path),
        name=lenient.get(fields, "name", path, lenient.text),
        timestamp=lenient.get(fields, "timestamp", path, lenient.whole),
        duration=lenient.get(fields, "duration", path, lenient.whole),
        debug=lenient.get(fields, "debug", path, lenient.truth),
        annotations=lenient.get(fields, "annotations", path, _annotations),
        binary_annotations=lenient.get(fields, "binaryAnnotations", path, _binary_annotations),
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
    return V1BinaryAnnotation(key, value, lenient.get(fields, "endpoint", path, lenient.endpoint))


def _value(part: bytes, path: str) -> str | bool:
    """A value of any of the simple types, numbers as they are written."""
    return part == b"true" if part in (b"true", b"false") else lenient.text(part, path)
