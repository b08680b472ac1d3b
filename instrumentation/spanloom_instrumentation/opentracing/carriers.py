"""What OpenTracing's formats are: headers, and bytes.

The bytes are those of Jaeger's clients, whose services may be at the other end: trace id, span id,
parent's id, flags, baggage; big-endian, with lengths before strings. Behind them, where Jaeger's
clients do not look, is the trace state, which says with what probability the trace was kept.
"""

import struct
from collections.abc import Iterator, MutableMapping
from typing import Any, Final

from opentelemetry import baggage
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import TraceState
from opentracing import InvalidCarrierException, SpanContextCorruptedException

from spanloom_instrumentation.propagation.told import Told, parent_id, told_of, with_told

_IDENTITY: Final = struct.Struct(">QQQQBI")
_LENGTH: Final = struct.Struct(">I")
_HALF: Final = 1 << 64
_MOST_ITEMS: Final = 180
_LONGEST_TRACE_STATE: Final = 512


class _LowerCase(Getter[dict[str, Any]]):
    """Asks for headers as they were put into a dictionary: in lower case."""

    def get(self, carrier: dict[str, Any], key: str) -> list[str] | None:
        value = carrier.get(key.lower())
        return None if value is None else list(value) if isinstance(value, list | tuple) else [value]

    def keys(self, carrier: dict[str, Any]) -> list[str]:
        return list(carrier)


LOWER_CASE: Final = _LowerCase()


def readable(carrier: Any) -> dict[str, Any]:
    """Its headers, in lower case; of several, the first."""
    if not hasattr(carrier, "items"):
        raise InvalidCarrierException("headers are read from a mapping")
    found: dict[str, Any] = {}
    for key, value in carrier.items():
        if isinstance(key, str):
            found.setdefault(key.lower(), value)
    return found


def writable(carrier: Any) -> MutableMapping[str, str]:
    """The same, if headers can be set."""
    if not hasattr(carrier, "items") or not hasattr(carrier, "__setitem__"):
        raise InvalidCarrierException("headers are set in a mapping")
    mapping: MutableMapping[str, str] = carrier
    return mapping


def encoded(context: Context) -> bytes:
    """A context as bytes."""
    told = told_of(context) or Told()
    items = list(baggage.get_all(context).items())[:_MOST_ITEMS]
    parts = [
        _IDENTITY.pack(
            *divmod(told.trace_id, _HALF), told.span_id, parent_id(context), told.flags, len(items)
        )
    ]
    parts += [_text(str(part)) for item in items for part in item]
    if told.trace_state:
        parts.append(_text(told.trace_state.to_header()))
    return b"".join(parts)


def _text(text: str) -> bytes:
    data = text.encode(errors="replace")
    return _LENGTH.pack(len(data)) + data


def decoded(carrier: Any) -> Context | None:
    """The context that bytes tell, none where there are none; raises SpanContextCorruptedException."""
    if not isinstance(carrier, bytes | bytearray | memoryview):
        raise InvalidCarrierException("a span context is read from a bytearray")
    data = bytes(carrier)
    if not data:
        return None
    try:
        high, low, span_id, _, flags, count = _IDENTITY.unpack_from(data)
        if count > _MOST_ITEMS:
            raise SpanContextCorruptedException(f"{count} baggage items")
        texts = _texts(data, _IDENTITY.size)
        items = {next(texts): next(texts) for _ in range(count)}
        trace_state = next(texts, "")
    except (struct.error, UnicodeDecodeError, StopIteration) as exc:
        raise SpanContextCorruptedException("not a span context") from exc
    state = TraceState.from_header([trace_state]) if len(trace_state) <= _LONGEST_TRACE_STATE else None
    context = with_told(None, Told.by_flags(high * _HALF + low, span_id, flags, state))
    for key, value in items.items():
        context = baggage.set_baggage(key, value, context)
    return context


def _texts(data: bytes, start: int) -> Iterator[str]:
    while start < len(data):
        (length,) = _LENGTH.unpack_from(data, start)
        start += _LENGTH.size + length
        if start > len(data):
            raise SpanContextCorruptedException("it ends early")
        yield data[start - length : start].decode()
