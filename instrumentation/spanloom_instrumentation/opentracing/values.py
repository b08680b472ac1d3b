"""Tags, log fields and times as OpenTelemetry has them."""

from collections.abc import Mapping
from traceback import format_tb
from types import TracebackType
from typing import Final

from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AnyValue
from opentracing import tags

from spanloom_instrumentation.notices import warn_once

_KINDS: Final = {
    tags.SPAN_KIND_RPC_CLIENT: SpanKind.CLIENT,
    tags.SPAN_KIND_RPC_SERVER: SpanKind.SERVER,
    tags.SPAN_KIND_PRODUCER: SpanKind.PRODUCER,
    tags.SPAN_KIND_CONSUMER: SpanKind.CONSUMER,
}


def kind_of(value: object) -> SpanKind | None:
    """Of the tag `span.kind`."""
    return _KINDS.get(value) if isinstance(value, str) else None


def value_of(value: object) -> AnyValue:
    """A value that every provider takes: what is no text, number or truth value becomes text."""
    if isinstance(value, str | bool | int | float):
        return value
    try:
        if isinstance(value, TracebackType):
            return "".join(format_tb(value))
        return value.__qualname__ if isinstance(value, type) else str(value)
    except Exception:  # noqa: BLE001  # an object that cannot be said must not cost the application its request
        return f"({type(value).__name__} that cannot be written)"


def attributes_of(pairs: Mapping[str, object]) -> dict[str, AnyValue]:
    """All of them."""
    return {key: value_of(value) for key, value in pairs.items()}


def nanoseconds(seconds: float | None) -> int | None:
    """A time as `time.time()` has it: exact to the microsecond, which is more than it knows."""
    if seconds is None:
        return None
    try:
        return round(seconds * 1_000_000) * 1000
    except (TypeError, ValueError, OverflowError):
        warn_once("A time is a number of seconds, not %r: it is now", seconds)
        return None
