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
        self.size = len(resource) + OVERHEAD_BYTES
        self.span_count = 0

    def size_with(self, scope: bytes) -> int:
        """At most so large with a span of this scope, without the span."""
        return self.size if scope in self._scopes else self.size + len(scope) + OVERHEAD_BYTES

    def add(self, scope: bytes, span: bytes) -> None:
        """One more span, as a field of ScopeSpans."""
        self.size = self.size_with(scope) + len(span)
        self.span_count += 1
        self._scopes.setdefault(scope, []).append(span)

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
        if message.span_count and message.size_with(scope) + len(data) > room_bytes:
            yield message.packed()
            message = _Message(resource)
        message.add(scope, data)
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
