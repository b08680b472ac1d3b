"""JSON as Zipkin's own reader takes it, and what it says of the rest: for spans that are not as they ought.

Numbers may stand for strings and the other way round, and a span that cannot be read costs only itself.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import msgspec

from spanloom_dialects import otlp
from spanloom_dialects.density import is_dense
from spanloom_dialects.errors import DialectError
from spanloom_dialects.zipkin.ids import InvalidSpanError
from spanloom_dialects.zipkin.span import Annotation, Endpoint, Span

T = TypeVar("T")

_MOST_DIGITS: Final = 40
"""No number that is kept is longer."""

_RAW_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_RAW_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_KINDS: Final = {
    b"{": "BEGIN_OBJECT",
    b"[": "BEGIN_ARRAY",
    b'"': "STRING",
    b"t": "BOOLEAN",
    b"f": "BOOLEAN",
    b"n": "NULL",
}
_V1: Final = b'yAnnotations"'
_V2: Final = (b'Endpoint"', b'"tags"')
"""What only one of the two versions has; in texts, quotes have a backslash before them."""

Object = Mapping[str, bytes]


def check_list(body: bytes, *, version: int) -> None:
    """Raise DialectError for what is no list of this version."""
    expected = f"Expected a JSON_V{version} encoded list"
    if body and body.lstrip()[:1] != b"[":
        raise DialectError(expected)
    if version == 2 and _V1 in body:
        raise DialectError(f"{expected}, but received: JSON_V1")
    if version == 1 and any(mark in body for mark in _V2):
        raise DialectError(f"{expected}, but received: JSON_V2")
    if is_dense(body, b"{", least_bytes=8):
        raise DialectError("Malformed reading List<Span> from json")


def parts(body: bytes) -> list[bytes]:
    """The elements of a list. Raises DialectError where it is not JSON."""
    if is_dense(body, b",", least_bytes=4):
        raise DialectError("Malformed reading List<Span> from json")
    try:
        return [bytes(part) for part in _RAW_LIST.decode(otlp.utf8(body))]
    except (msgspec.DecodeError, RecursionError) as exc:
        how = "Truncated" if "truncated" in str(exc) else "Malformed"
        raise DialectError(f"{how} reading List<Span> from json") from exc


def span(part: bytes, path: str) -> Span:
    """Read a span of version 2. Raises InvalidSpanError."""
    fields = members(part, path)
    return Span(
        trace_id=needed_text(fields, "traceId", path),
        parent_id=get(fields, "parentId", path, text),
        id=needed_text(fields, "id", path),
        kind=get(fields, "kind", path, text),
        name=get(fields, "name", path, text),
        timestamp=get(fields, "timestamp", path, whole),
        duration=get(fields, "duration", path, whole),
        local_endpoint=get(fields, "localEndpoint", path, endpoint),
        remote_endpoint=get(fields, "remoteEndpoint", path, endpoint),
        annotations=get(fields, "annotations", path, _annotations),
        tags=get(fields, "tags", path, _tags),
        debug=get(fields, "debug", path, truth),
        shared=get(fields, "shared", path, truth),
    )


def members(part: bytes, path: str) -> Object:
    """What an object holds. Raises InvalidSpanError where it is none."""
    _expect(part, b"{", "BEGIN_OBJECT", path)
    try:
        return {key: bytes(value) for key, value in _RAW_OBJECT.decode(part).items()}
    except (msgspec.MsgspecError, RecursionError) as exc:
        raise InvalidSpanError("a malformed span", f"Malformed reading {path}") from exc


def elements(part: bytes, path: str) -> list[bytes]:
    """What a list holds. Raises InvalidSpanError where it is none."""
    _expect(part, b"[", "BEGIN_ARRAY", path)
    return [bytes(one) for one in _RAW_LIST.decode(part)]


def get(fields: Object, name: str, path: str, read: Callable[[bytes, str], T]) -> T | None:
    """A field that may be missing or null."""
    part = fields.get(name, b"null")
    return None if part == b"null" else read(part, f"{path}.{name}")


def needed_text(fields: Object, name: str, path: str) -> str | msgspec.UnsetType:
    """A field that may be missing, which others see to, but not null."""
    return text(fields[name], f"{path}.{name}") if name in fields else msgspec.UNSET


def text(part: bytes, path: str) -> str:
    """A string, or a number as it is written."""
    kind = _KINDS.get(part[:1], "NUMBER")
    if kind == "NUMBER":
        return part.decode()
    if kind != "STRING":
        raise InvalidSpanError("a bad field", f"Expected a string but was {kind} at path {path}")
    return str(msgspec.json.decode(part))


def whole(part: bytes, path: str) -> int:
    """A whole number, however it is written."""
    written = part.strip(b'"')[:_MOST_DIGITS].decode(errors="replace")
    try:
        number = int(written) if written.removeprefix("-").isdecimal() else float(written)
        found = int(number)
    except (OverflowError, ValueError):
        found, number = 0, 1
    if found != number:
        raise InvalidSpanError("a bad field", f"Expected a long but was {written} at path {path}")
    return found


def truth(part: bytes, path: str) -> bool:
    """True or false."""
    if part not in (b"true", b"false"):
        kind = _KINDS.get(part[:1], "NUMBER")
        raise InvalidSpanError("a bad field", f"Expected a boolean but was {kind} at path {path}")
    return part == b"true"


def endpoint(part: bytes, path: str) -> Endpoint:
    """A side of a span."""
    fields = members(part, path)
    return Endpoint(
        service_name=get(fields, "serviceName", path, text) or None,
        ipv4=get(fields, "ipv4", path, text),
        ipv6=get(fields, "ipv6", path, text),
        port=get(fields, "port", path, whole),
    )


def _annotations(part: bytes, path: str) -> list[Annotation]:
    return [_annotation(one, f"{path}[{place}]") for place, one in enumerate(elements(part, path))]


def _annotation(part: bytes, path: str) -> Annotation:
    fields = members(part, path)
    timestamp, value = get(fields, "timestamp", path, whole), get(fields, "value", path, text)
    if timestamp is None or value is None:
        raise InvalidSpanError("a bad annotation", f"Incomplete annotation at {path}")
    return Annotation(timestamp, value)


def _tags(part: bytes, path: str) -> dict[str, str]:
    tags = {}
    for key, value in members(part, path).items():
        if value == b"null":
            raise InvalidSpanError("a bad tag", f"No value at {path}.{key[:40]}")
        tags[key] = text(value, f"{path}.{key[:40]}")
    return tags


def _expect(part: bytes, first: bytes, kind: str, path: str) -> None:
    if part[:1] != first:
        found = _KINDS.get(part[:1], "NUMBER")
        raise InvalidSpanError("a bad field", f"Expected {kind} but was {found} at path {path}")
