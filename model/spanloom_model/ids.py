"""Trace and span ids: bytes inside, lower-case hex wherever a person or a URL carries them."""

from typing import NewType

TraceId = NewType("TraceId", bytes)
"""16 bytes, never all zero (W3C trace context, section 3.2.2.3)."""

SpanId = NewType("SpanId", bytes)
"""8 bytes, never all zero."""


def trace_id_from_hex(text: str) -> TraceId:
    """Read a trace id as people paste it: 1 to 32 hex digits, leading zeros optional, any case.

    Raises ValueError with a sentence for the reader where *text* is no trace id.
    """
    return TraceId(_bytes_from_hex(text, 16, "trace id"))


def span_id_from_hex(text: str) -> SpanId:
    """Read a span id of 1 to 16 hex digits; raises ValueError as `trace_id_from_hex` does."""
    return SpanId(_bytes_from_hex(text, 8, "span id"))


def _bytes_from_hex(text: str, size: int, what: str) -> bytes:
    digits = text.strip().lower()
    if not 1 <= len(digits) <= 2 * size or not set(digits) <= set("0123456789abcdef"):
        raise ValueError(f"a {what} is up to {2 * size} hex digits, not {digits[:40]!r}")
    value = bytes.fromhex(digits.rjust(2 * size, "0"))
    if not any(value):
        raise ValueError(f"a {what} is not all zero")
    return value
