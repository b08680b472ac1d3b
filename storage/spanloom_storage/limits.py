"""What a span may say at most. What is beyond is left out, counted, and told by the span itself."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

LONG_VALUE: Final = "a value cut to its limit"
LONG_NAME: Final = "a name or message cut to its limit"
LONG_KEY: Final = "an attribute dropped for its long key"
SURPLUS: Final = "an attribute dropped as one too many"

_UINT32: Final = 2**32 - 1
_LEAST_PAIR_BYTES: Final = 2
"""An attribute that says nothing takes so many bytes in the message that it is in."""

Owner: TypeAlias = Any
"""A message with `attributes` and `dropped_attributes_count`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanLimits:
    """The limits."""

    max_attributes: int
    """Of each span, event, link, scope and resource."""
    max_value_bytes: int
    """Of each text, in UTF-8, and of bytes."""


UNLIMITED: Final = SpanLimits(max_attributes=2**62, max_value_bytes=2**62)


@dataclass(frozen=True, slots=True)
class Cutter:
    """Cuts messages to their limits, texts between characters.

    `dropped_attributes_count` of whatever they belong to is raised for attributes that are dropped or cut.
    """

    limits: SpanLimits
    counts: Counter[str] = field(default_factory=Counter)
    """What was cut or dropped, by reason."""

    def resource(self, data: bytes) -> bytes:
        """A ResourceSpans without its scopes."""
        if not self._may_be_beyond(data):
            return data
        message = ResourceSpans.FromString(data)
        self._attributes(message.resource)
        return message.SerializeToString()

    def scope(self, data: bytes) -> bytes:
        """A ScopeSpans without its spans."""
        if not self._may_be_beyond(data):
            return data
        message = ScopeSpans.FromString(data)
        if message.HasField("scope"):
            message.scope.name = self._name(message.scope.name)
            self._attributes(message.scope)
        return message.SerializeToString()

    def span(self, data: bytes) -> bytes:
        """A Span."""
        if not self._may_be_beyond(data):
            return data
        span = Span.FromString(data)
        span.name = self._name(span.name)
        if span.status.message:
            span.status.message = self._name(span.status.message)
        for event in span.events:
            event.name = self._name(event.name)
        for owner in (span, *span.events, *span.links):
            self._attributes(owner)
        return span.SerializeToString()

    def _may_be_beyond(self, data: bytes) -> bool:
        most = min(self.limits.max_value_bytes, _LEAST_PAIR_BYTES * self.limits.max_attributes)
        return len(data) > most

    def _attributes(self, owner: Owner) -> None:
        pairs = owner.attributes
        surplus = max(0, len(pairs) - self.limits.max_attributes)
        if surplus:
            del pairs[self.limits.max_attributes :]
        long_keys = [place for place, pair in enumerate(pairs) if self._is_long(pair.key)]
        for place in reversed(long_keys):
            del pairs[place]
        cut = sum(self._value(pair.value) for pair in pairs)
        self.counts.update({SURPLUS: surplus, LONG_KEY: len(long_keys), LONG_VALUE: cut})
        if less := surplus + len(long_keys) + cut:
            owner.dropped_attributes_count = min(owner.dropped_attributes_count + less, _UINT32)

    def _value(self, value: AnyValue) -> bool:
        """Cut a value, and those within; whether there was anything to cut."""
        match value.WhichOneof("value"):
            case "string_value" if self._is_long(value.string_value):
                value.string_value = self._cut(value.string_value)
            case "bytes_value" if len(value.bytes_value) > self.limits.max_value_bytes:
                value.bytes_value = value.bytes_value[: self.limits.max_value_bytes]
            case "array_value":
                return sum(map(self._value, value.array_value.values)) > 0
            case "kvlist_value":
                return sum(map(self._pair, value.kvlist_value.values)) > 0
            case _:
                return False
        return True

    def _pair(self, pair: Any) -> bool:
        is_long = self._is_long(pair.key)
        if is_long:
            pair.key = self._cut(pair.key)
        return self._value(pair.value) or is_long

    def _name(self, text: str) -> str:
        if not self._is_long(text):
            return text
        self.counts[LONG_NAME] += 1
        return self._cut(text)

    def _is_long(self, text: str) -> bool:
        most = self.limits.max_value_bytes
        return len(text) * 4 > most and len(text.encode()) > most

    def _cut(self, text: str) -> str:
        return text.encode()[: self.limits.max_value_bytes].decode(errors="ignore")
