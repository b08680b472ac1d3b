"""OpenTelemetry's own entry in a W3C trace state, `ot=th:…;rv:…`: with what probability a trace is kept.

A trace has a randomness R of 56 bits, the same for all its spans. A sampler of probability P keeps it
where R is at least its threshold T = 2^56 × (1 − P), so whatever a stricter sampler keeps a laxer one
keeps too; `th` tells T, `rv` an R that is not the end of the trace's id.

opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling and tracestate-handling
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fractions import Fraction  # takes milliseconds to import, and applications wait for them

RANDOM_BITS: Final = 56
MOST: Final = 1 << RANDOM_BITS
"""One more than the greatest R; the threshold that nothing reaches."""
_DIGITS: Final = RANDOM_BITS // 4
_PRECISION: Final = 4
"""How many digits of a threshold are told behind the f's, or zeros, that it begins with."""
_MOST_CHARACTERS: Final = 256

_ENTRY: Final = re.compile(r"[a-z][a-z0-9]*:[A-Za-z0-9._-]*(;[a-z][a-z0-9]*:[A-Za-z0-9._-]*)*")
_TH: Final = re.compile(r"[0-9a-f]{1,14}")
_RV: Final = re.compile(r"[0-9a-f]{14}")


def threshold_of(probability: "Fraction | float") -> int:
    """The threshold of a probability above 0 and up to 1, as precise as it is told."""
    exact = min(MOST - 1, MOST - round(probability * MOST))
    digits = f"{exact:0{_DIGITS}x}"
    repeated = len(digits) - len(digits.lstrip(digits[0])) if digits[0] in "0f" else 0
    unit = 1 << 4 * max(0, _DIGITS - _PRECISION - repeated)
    return (exact + unit // 2) // unit * unit


def adjusted_count(threshold: int) -> float:
    """How many spans one stands for that was kept with a threshold."""
    return MOST / (MOST - threshold)


def read(entry: str) -> dict[str, str]:
    """What an entry tells, by its keys; nothing where it breaks the rules."""
    if len(entry) > _MOST_CHARACTERS or _ENTRY.fullmatch(entry) is None:
        return {}
    pairs = entry.split(";")
    told = dict(pair.split(":", 1) for pair in pairs)
    return told if len(told) == len(pairs) else {}


def written(told: Mapping[str, str]) -> str:
    """The entry; what has no room in it is left out, the last first."""
    pairs = [f"{key}:{value}" for key, value in told.items()]
    while len(entry := ";".join(pairs)) > _MOST_CHARACTERS:
        pairs.pop()
    return entry


def threshold_in(told: Mapping[str, str]) -> int | None:
    """The threshold that an entry tells; None where it tells none, or no good one."""
    th = _TH.fullmatch(told.get("th", ""))
    return int(th[0].ljust(_DIGITS, "0"), 16) if th else None


def randomness_in(told: Mapping[str, str]) -> int | None:
    """The randomness that an entry tells; None where the last 56 bits of the trace id are it."""
    rv = _RV.fullmatch(told.get("rv", ""))
    return int(rv[0], 16) if rv else None


def with_threshold(told: Mapping[str, str], threshold: int | None) -> dict[str, str]:
    """The same with another threshold, or none: first where there was none, so it has room."""
    if threshold is None:
        return {key: value for key, value in told.items() if key != "th"}
    th = f"{threshold:0{_DIGITS}x}".rstrip("0") or "0"
    return {**told, "th": th} if "th" in told else {"th": th, **told}


def with_randomness(told: Mapping[str, str], randomness: int) -> dict[str, str]:
    """The same with this randomness, told before all else."""
    return {"rv": f"{randomness:0{_DIGITS}x}", **{key: value for key, value in told.items() if key != "rv"}}
