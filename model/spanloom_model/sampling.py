"""Consistent probability sampling, as OpenTelemetry has it.

A trace has a randomness R of 56 bits, the same for all its spans. A sampler of probability P keeps it
where R is at least its threshold T = 2^56 × (1 − P); spans tell T in their trace state (`ot=th:…`), so
each that was kept stands for 2^56 / (2^56 − T). Who decides later may only raise T. Where a span does
not tell T, its probability is unknown, and stays so.

opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling and tracestate-handling
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

MOST: Final = 2**56
"""One more than the greatest R; the threshold that nothing reaches."""
_DIGITS: Final = 14
_PRECISION: Final = 4
"""How many digits of a threshold are told behind the f's, or zeros, that it begins with."""
_MAX_OT_CHARACTERS: Final = 256

_OT: Final = re.compile(r"[a-z][a-z0-9]*:[A-Za-z0-9._-]*(;[a-z][a-z0-9]*:[A-Za-z0-9._-]*)*")
_TH: Final = re.compile(r"[0-9a-f]{1,14}")
_RV: Final = re.compile(r"[0-9a-f]{14}")


def threshold_of(probability: Fraction | float) -> int:
    """The threshold of a probability above 0 and up to 1, as precise as it is told."""
    exact = min(MOST - 1, MOST - round(Fraction(probability) * MOST))
    digits = f"{exact:0{_DIGITS}x}"
    repeated = len(digits) - len(digits.lstrip(digits[0])) if digits[0] in "0f" else 0
    unit = 1 << 4 * max(0, _DIGITS - _PRECISION - repeated)
    return (exact + unit // 2) // unit * unit


def probability_of(threshold: int) -> Fraction:
    """The probability with which a threshold keeps a trace."""
    return Fraction(MOST - threshold, MOST)


def adjusted_count(threshold: int) -> float:
    """How many spans one stands for that was kept with a threshold."""
    return MOST / (MOST - threshold)


def proportional(threshold: int, probability: Fraction | float) -> int:
    """The threshold that keeps such a part of what a threshold has kept."""
    if probability == 1:  # rounding could raise it
        return threshold
    return max(threshold, threshold_of(Fraction(probability) * probability_of(threshold)))


@dataclass(frozen=True, slots=True)
class TraceState:
    """A W3C trace state, with what it tells of sampling."""

    before: tuple[str, ...]
    """What `ot` tells before th; all of it where it has none."""
    after: tuple[str, ...]
    others: tuple[str, ...]
    """The members of other vendors."""
    threshold: int | None
    """None: unknown."""
    randomness: int | None
    """None: the last 56 bits of the trace id are R."""

    def with_threshold(self, threshold: int | None) -> str:
        """The text with another threshold, or none; who changes a member moves it to the front."""
        told = () if threshold is None else (f"th:{f'{threshold:0{_DIGITS}x}'.rstrip('0') or '0'}",)
        ot = ";".join((*self.before, *told, *self.after))
        return ",".join((f"ot={ot}", *self.others) if ot else self.others)


def read_trace_state(text: str) -> TraceState:
    """A trace state. One whose `ot` is not as it must be tells nothing, and keeps it as it is."""
    members = [member for each in text.split(",") if (member := each.strip(" \t"))]
    ours = [member[3:] for member in members if member.startswith("ot=")]
    pairs = ours[0].split(";") if len(ours) == 1 else []
    told = dict(pair.split(":", 1) for pair in pairs if ":" in pair)
    sound = len(ours) == 1 and len(ours[0]) <= _MAX_OT_CHARACTERS and _OT.fullmatch(ours[0]) is not None
    if not sound or len(told) < len(pairs):
        return TraceState((), (), tuple(members), None, None)
    place = next((number for number, pair in enumerate(pairs) if pair.startswith("th:")), len(pairs))
    th, rv = _TH.fullmatch(told.get("th", "")), _RV.fullmatch(told.get("rv", ""))
    return TraceState(
        before=tuple(pairs[:place]),
        after=tuple(pairs[place + 1 :]),
        others=tuple(member for member in members if not member.startswith("ot=")),
        threshold=int(th[0].ljust(_DIGITS, "0"), 16) if th else None,
        randomness=int(rv[0], 16) if rv else None,
    )
