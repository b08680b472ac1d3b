"""Spans into as few datagrams as hold them, by their encoded size."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from spanloom_instrumentation.encoding.spans import encode
from spanloom_instrumentation.notices import warn_once
from spanloom_instrumentation.shrinking import shrunk, structure_bytes
from spanloom_instrumentation.span import Span
from spanloom_model.envelope import OVERHEAD_BYTES, RESOURCE_SPANS
from spanloom_model.wire import field

_SCOPE_SPANS: Final = 2
_LEAST_SPAN_BYTES: Final = 250
"""Ids, times and a short name."""


class Packed(NamedTuple):
    """One message, and how many spans are in it."""

    payload: bytes
    span_count: int


class _Message:
    """A message that grows: spans under their scopes under one resource."""

    def __init__(self, resource: bytes) -> None:
        self._resource = resource
        self._scopes: dict[bytes, list[bytes]] = {}
        self._size = len(resource) + OVERHEAD_BYTES
        self.span_count = 0

    def takes(self, scope: bytes, span: bytes, room_bytes: int) -> bool:
        """Take one more span, as a field of ScopeSpans, if there is room; for the first one there is."""
        spans = self._scopes.get(scope)
        size = self._size + len(span) + (len(scope) + OVERHEAD_BYTES if spans is None else 0)
        if size > room_bytes and self.span_count:
            return False
        self._size = size
        self.span_count += 1
        if spans is None:
            self._scopes[scope] = [span]
        else:
            spans.append(span)
        return True

    def packed(self) -> Packed:
        """The message as it is."""
        scopes = [field(_SCOPE_SPANS, scope + b"".join(spans)) for scope, spans in self._scopes.items()]
        payload = field(RESOURCE_SPANS, self._resource + b"".join(scopes))
        return Packed(payload, self.span_count)


def pack(resource: bytes, spans: Iterable[Span], room_bytes: int) -> Iterator[Packed]:
    """Messages of at most *room_bytes*.

    A span that alone would be larger is shrunk and has a message for itself. One whose resource and
    scope leave no room for it, or that nobody can write down, is left out.
    """
    message = _Message(resource)
    for span in spans:
        scope = span.of.scope.encoded
        data = _encoded(span, room_bytes - len(resource) - len(scope) - 3 * OVERHEAD_BYTES)
        if not data:
            continue
        if not message.takes(scope, data, room_bytes):
            yield message.packed()
            message = _Message(resource)
            message.takes(scope, data, room_bytes)
    if message.span_count:
        yield message.packed()


def _encoded(span: Span, room_bytes: int) -> bytes:
    if room_bytes < _LEAST_SPAN_BYTES:
        return b""
    most_bytes = span.of.limits.annotation_bytes
    try:
        data = encode(span)
        if len(data) <= room_bytes and len(data) <= most_bytes:
            return data
        room_bytes = min(room_bytes, structure_bytes(span) + most_bytes)
        return data if len(data) <= room_bytes else shrunk(span, room_bytes)
    except Exception as exc:  # noqa: BLE001  # whatever is in it costs this span and no other
        warn_once("A span cannot be encoded and is dropped: %r", exc)
        return b""
