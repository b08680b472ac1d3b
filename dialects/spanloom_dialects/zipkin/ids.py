"""Zipkin's ids as it checks them: what it takes, and what it says of others."""

from typing import Final

from spanloom_dialects.translated import Refused


class InvalidSpanError(ValueError):
    """One span can never be stored."""

    def __init__(self, reason: str, says: str) -> None:
        super().__init__(says)
        self.refused = Refused(reason, says)


_NO_ID: Final = bytes(8)
_TRACE_ID: Final = "a bad trace id"
_SPAN_ID: Final = "a bad span id"
_PARENT_ID: Final = "a bad parent id"


def trace_id(text: str) -> bytes:
    """16 bytes: 1 to 32 lower-case hex digits, filled up with zeros from the left."""
    value = _bytes(text, "traceId", most=32, reason=_TRACE_ID).rjust(16, b"\0")
    if not any(value):
        raise InvalidSpanError(_TRACE_ID, "traceId is all zeros")
    return value


def span_id(text: str) -> bytes:
    """8 bytes: 1 to 16 lower-case hex digits."""
    value = _bytes(text, "id", most=16, reason=_SPAN_ID).rjust(8, b"\0")
    if value == _NO_ID:
        raise InvalidSpanError(_SPAN_ID, "id is all zeros")
    return value


def parent_id(text: str | None, own: bytes) -> bytes:
    """8 bytes; none where there is none, it is all zero, or the span's own."""
    if text is None:
        return b""
    value = _bytes(text, "parentId", most=16, reason=_PARENT_ID).rjust(8, b"\0")
    return b"" if value in (_NO_ID, own) else value


def _bytes(text: str, name: str, *, most: int, reason: str) -> bytes:
    if not text:
        raise InvalidSpanError(reason, f"{name} is empty")
    if len(text) > most:
        raise InvalidSpanError(reason, f"{name}.length > {most}")
    digits = text if len(text) % 2 == 0 else "0" + text
    try:
        value = bytes.fromhex(digits)
    except ValueError:
        value = b""
    if value.hex() != digits:
        raise InvalidSpanError(reason, f"{text} should be lower-hex encoded with no prefix")
    return value
