"""Jaeger's tags as OTLP attributes, and what some of them mean for the span that they are on.

A tag is either `bytes`, the delimited KeyValue that it becomes, or a `Meant`, of which the span or the
log that has it may take the meaning instead (docs/dialects.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from spanloom_dialects import otlp
from spanloom_dialects.otlp import string_pair

KINDS: Final = {b"internal": 1, b"server": 2, b"client": 3, b"producer": 4, b"consumer": 5}
STATUS_CODES: Final = {b"OK": otlp.STATUS_OK, b"ERROR": otlp.STATUS_ERROR}

SPAN_KIND: Final = b"span.kind"
ERROR: Final = b"error"
STATUS_CODE: Final = b"otel.status_code"
STATUS_DESCRIPTION: Final = b"otel.status_description"
SCOPE_NAME: Final = b"otel.scope.name"
SCOPE_VERSION: Final = b"otel.scope.version"
LIBRARY_NAME: Final = b"otel.library.name"
LIBRARY_VERSION: Final = b"otel.library.version"
TRACE_STATE: Final = b"w3c.tracestate"
EVENT: Final = b"event"
MESSAGE: Final = b"message"

_ONE_OF: Final = {SPAN_KIND: KINDS.keys(), STATUS_CODE: STATUS_CODES.keys()}
_ANY_TEXT: Final = frozenset(
    {
        STATUS_DESCRIPTION,
        SCOPE_NAME,
        SCOPE_VERSION,
        LIBRARY_NAME,
        LIBRARY_VERSION,
        TRACE_STATE,
        EVENT,
        MESSAGE,
    }
)
_MEANT: Final = _ANY_TEXT | _ONE_OF.keys()


class Meant(NamedTuple):
    """A tag that says what OTLP has a field for."""

    key: bytes
    text: bytes
    """Its value; empty for `error`, which is true."""

    pair: bytes
    """What it is as an attribute."""


Tag: TypeAlias = bytes | Meant


def string_tag(key: bytes, text: bytes) -> Tag:
    """A tag of type string; *key* and *text* need not be UTF-8."""
    pair = string_pair(key, text)
    if key in _MEANT and text and (key in _ANY_TEXT or text in _ONE_OF[key]):
        return Meant(key, text, pair)
    return pair


def bool_tag(key: bytes, value: bool) -> Tag:  # noqa: FBT001  # a tag's value
    """A tag of type bool."""
    pair = otlp.pair(key, otlp.boolean(value))
    return Meant(key, b"", pair) if value and key == ERROR else pair


def as_pair(tag: Tag) -> bytes:
    """The delimited KeyValue of a tag where nothing is meant by it."""
    return tag if isinstance(tag, bytes) else tag.pair


@dataclass(slots=True, kw_only=True)
class Meaning:
    """What the tags of a span say."""

    attributes: list[bytes]
    """The tags that stay attributes, as delimited KeyValues."""

    kind: int = 0
    scope: bytes = b""
    """The `scope` field of the ScopeSpans, tag included."""

    fields: bytes = b""
    """Fields of the span: trace state and status."""


def meaning(tags: Iterable[Tag]) -> Meaning:
    """Tell what tags mean from what they only say; of several with one key the first counts."""
    meaning = Meaning(attributes=[])
    meant: dict[bytes, Meant] = {}
    is_repeated = False
    for tag in tags:
        if isinstance(tag, bytes):
            meaning.attributes.append(tag)
        elif tag.key in meant or tag.key in (EVENT, MESSAGE):
            meaning.attributes.append(tag.pair)
            is_repeated = is_repeated or tag.key in (ERROR, STATUS_CODE)
        else:
            meant[tag.key] = tag
    if meant:
        _take(meaning, meant, is_status_repeated=is_repeated)
    return meaning


def _take(meaning: Meaning, meant: dict[bytes, Meant], *, is_status_repeated: bool) -> None:
    kind = meant.pop(SPAN_KIND, None)
    if kind is not None:
        meaning.kind = KINDS[kind.text]
    if not meant:
        return
    meaning.scope = _scope(meant)
    state = meant.pop(TRACE_STATE, None)
    if state is not None:
        meaning.fields = otlp.trace_state(state.text)
    meaning.fields += _status(meant, is_repeated=is_status_repeated)
    meaning.attributes += (tag.pair for tag in meant.values())


def _scope(meant: dict[bytes, Meant]) -> bytes:
    """The scope; the names that it had before 2022 count where the present ones are missing."""
    texts = []
    for key, former in ((SCOPE_NAME, LIBRARY_NAME), (SCOPE_VERSION, LIBRARY_VERSION)):
        tag = meant.pop(key, None) or meant.pop(former, None)
        texts.append(tag.text if tag else b"")
    return otlp.scope(*texts) if any(texts) else b""


def _status(meant: dict[bytes, Meant], *, is_repeated: bool) -> bytes:
    """The status; tags that would not come out of it again as they are stay attributes as well."""
    failed, named = ERROR in meant, meant.get(STATUS_CODE)
    if not failed and named is None:
        return b""
    code = otlp.STATUS_ERROR if failed or named is None else STATUS_CODES[named.text]
    text = meant[STATUS_DESCRIPTION].text if STATUS_DESCRIPTION in meant else b""
    is_named = named is not None and STATUS_CODES[named.text] == code
    if is_named and failed == (code == otlp.STATUS_ERROR) and not is_repeated:
        for key in (ERROR, STATUS_CODE, STATUS_DESCRIPTION):
            meant.pop(key, None)
    return otlp.status(code, text)
