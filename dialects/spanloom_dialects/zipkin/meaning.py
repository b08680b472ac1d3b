"""What tags of a Zipkin span mean where OTLP has a field for it, as OpenTelemetry's exporters write them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from spanloom_dialects import otlp
from spanloom_dialects.zipkin import names
from spanloom_model.wire import varint

MAX_LINKS: Final = 128
"""As many as the Collector reads."""

_LINK: Final = re.compile(r"([0-9a-f]{32})\|([0-9a-f]{16})\|([^|]*)\|(.*)\|(0|[1-9]\d{0,8})", re.DOTALL)


@dataclass(slots=True, kw_only=True)
class Meaning:
    """What the tags of a span say."""

    tags: Mapping[str, str]
    """Those that stay attributes."""

    kind: int = 0
    scope: bytes = b""
    """The `scope` field of the ScopeSpans, tag included."""

    fields: bytes = b""
    """Fields of the span: trace state and status."""

    links: list[bytes] = field(default_factory=list)
    """Delimited links."""


def meaning(tags: Mapping[str, str], *, has_kind: bool) -> Meaning:
    """Tell what tags mean from what they only say."""
    left = dict(tags)
    says = Meaning(tags=left)
    if not has_kind and left.get(names.SPAN_KIND) == "internal":
        del left[names.SPAN_KIND]
        says.kind = names.INTERNAL
    says.scope = _scope(left)
    if left.get(names.TRACE_STATE):
        says.fields = otlp.trace_state(left.pop(names.TRACE_STATE).encode())
    says.fields += _status(left)
    says.links = _links(left)
    return says


def _scope(left: dict[str, str]) -> bytes:
    """The scope; the names that it had before 2022 count where the present ones are missing."""
    texts = []
    for name, former in (
        (names.SCOPE_NAME, names.LIBRARY_NAME),
        (names.SCOPE_VERSION, names.LIBRARY_VERSION),
    ):
        key = name if left.get(name) else former
        texts.append(left.pop(key).encode() if left.get(key) else b"")
    return otlp.scope(*texts) if any(texts) else b""


def _status(left: dict[str, str]) -> bytes:
    """The status; tags that would not come out of it again as they are stay attributes as well.

    Any `error` but "false" is one: what it says is the message, unless it only says that there is one.
    """
    named = names.STATUS_CODES.get(left.get(names.STATUS_CODE, ""), 0)
    error = left.get(names.ERROR)
    failed = error not in (None, "false")
    described = left.get(names.STATUS_DESCRIPTION)
    code = otlp.STATUS_ERROR if failed else named
    if not code:
        return b""
    if code == named and described is None and (error is None) == (code == otlp.STATUS_OK):
        del left[names.STATUS_CODE]
        left.pop(names.ERROR, None)
        return otlp.status(code, (error or "").encode())
    text = described if described is not None else "" if error in (None, "false", "true") else error
    return otlp.status(code, text.encode())


def _links(left: dict[str, str]) -> list[bytes]:
    """Links as the Collector writes them: `trace|span|state|{attributes}|dropped`, numbered."""
    links: list[bytes] = []
    while len(links) < MAX_LINKS:
        key = f"{names.LINK}{len(links)}"
        link = _link(left.get(key, ""))
        if link is None:
            break
        del left[key]
        links.append(link)
    return links


def _link(text: str) -> bytes | None:
    """A delimited link; none where the text would not come out of it again."""
    match = _LINK.fullmatch(text)
    if match is None:
        return None
    trace_id, span_id, state, attributes, dropped = match.groups()
    try:
        values = msgspec.json.decode(attributes, type=dict[str, str | bool | int | float])
    except (msgspec.MsgspecError, RecursionError):
        return None
    if msgspec.json.encode(values).decode() != attributes or not all(map(_is_kept, values.values())):
        return None
    rest = otlp.repeated(otlp.LINK_ATTRIBUTES, [_pair(key, value) for key, value in values.items()])
    before = b"\x1a" + otlp.delimited(state.encode()) if state else b""
    behind = b"\x28" + varint(int(dropped)) if int(dropped) else b""
    return otlp.link(bytes.fromhex(trace_id), bytes.fromhex(span_id), before + rest + behind)


def _is_kept(value: Any) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**63


def _pair(key: str, value: Any) -> bytes:
    if isinstance(value, str):
        return otlp.string_pair(key.encode(), value.encode())
    if isinstance(value, bool):
        return otlp.pair(key.encode(), otlp.boolean(value))
    if isinstance(value, int):
        return otlp.pair(key.encode(), otlp.integer(value))
    return otlp.pair(key.encode(), otlp.double(value))
