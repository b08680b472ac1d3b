"""Sampling thresholds: how OpenTelemetry's tracestate says with what probability a trace is kept.

A trace has 56 random bits R (the end of its id, or `rv`), a sampler a threshold T; a span is kept
where R >= T, so whatever a stricter sampler keeps a laxer one keeps too. Each span that is kept
stands for 2^56 / (2^56 - T) spans.
https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
"""

from typing import Final

RANDOM_BITS: Final = 56
LIMIT: Final = 1 << RANDOM_BITS
"""No threshold: as one it would keep nothing."""
_DIGITS: Final = RANDOM_BITS // 4
_PRECISION: Final = 4


def of_probability(probability: float) -> int:
    """The threshold that keeps so great a part, to four hex digits after those that are all `f`.

    Raises ValueError outside of [2^-56, 1].
    """
    if not 1 / LIMIT <= probability <= 1:
        raise ValueError(f"a probability is between 2^-56 and 1, not {probability}")
    exact = LIMIT - round(probability * LIMIT)
    leading = _DIGITS - len(f"{LIMIT - 1 - exact:x}") if exact < LIMIT - 1 else _DIGITS
    dropped_bits = 4 * max(0, _DIGITS - leading - _PRECISION)
    rounded = (exact + (1 << dropped_bits >> 1)) >> dropped_bits << dropped_bits
    return rounded if rounded < LIMIT else exact


def adjusted_count(threshold: int) -> float:
    """For how many spans one that was kept stands."""
    return LIMIT / (LIMIT - threshold)


def to_text(threshold: int) -> str:
    """As `th` has it: hex digits without the zeros at the end."""
    return f"{threshold:0{_DIGITS}x}".rstrip("0") or "0"


def from_text(text: str) -> int | None:
    """The threshold that `th` says; None where it says none."""
    return int(text.ljust(_DIGITS, "0"), 16) if 1 <= len(text) <= _DIGITS and is_hex(text) else None


def randomness_to_text(randomness: int) -> str:
    """As `rv` has it: all fourteen digits."""
    return f"{randomness:0{_DIGITS}x}"


def randomness_from_text(text: str) -> int | None:
    """The random bits that `rv` says; None where it says none."""
    return int(text, 16) if len(text) == _DIGITS and is_hex(text) else None


def is_hex(text: str) -> bool:
    """Lower-case digits only, as the specification has it; `int` alone would take more."""
    return set(text) <= set("0123456789abcdef")
