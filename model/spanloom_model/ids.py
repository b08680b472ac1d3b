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
    digits = text.strip().lower()
    if not 1 <= len(digits) <= 32 or not set(digits) <= set("0123456789abcdef"):
        raise ValueError(f"a trace id is up to 32 hex digits, not {digits[:40]!r}")
    value = bytes.fromhex(digits.rjust(32, "0"))
    if not any(value):
        raise ValueError("a trace id is not all zero")
    return TraceId(value)
