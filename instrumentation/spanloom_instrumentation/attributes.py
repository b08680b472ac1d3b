"""Attributes as they are kept: checked, copied, within their limits."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry.util.types import AnyValue, Attributes

from spanloom_instrumentation.limits import UNLIMITED, AttributeLimits

PLAIN: Final = frozenset({str, bool, int, float, bytes, type(None)})
"""Types that are kept as they are: nobody can change their values later."""
_TEXT: Final = frozenset({str})


def plain(attributes: Mapping[str, AnyValue], limits: AttributeLimits) -> bool:
    """Whether nothing needs to be done to them; three loops in C are faster than one in Python."""
    return (
        type(attributes) is dict
        and limits.longest is UNLIMITED
        and PLAIN.issuperset(map(type, attributes.values()))
        and _TEXT.issuperset(map(type, attributes))
        and "" not in attributes
    )


def kept(attributes: Attributes, limits: AttributeLimits) -> tuple[dict[str, AnyValue], int]:
    """A copy as it is kept, and how many were dropped."""
    if not attributes:
        return {}, 0
    if plain(attributes, limits) and len(attributes) <= limits.most:
        return dict(attributes), 0
    found: dict[str, AnyValue] = {}
    return found, add(found, attributes, limits)


def add(to: dict[str, AnyValue], attributes: Mapping[Any, AnyValue], limits: AttributeLimits) -> int:
    """Add what may be added; returns how many may not."""
    dropped = 0
    for key, value in attributes.items() if hasattr(attributes, "items") else ():
        if isinstance(key, str) and key and (len(to) < limits.most or key in to):
            try:
                to[key] = clean(value, limits.longest)
            except Exception:  # noqa: BLE001  # a list that holds itself, a __str__ that raises, or worse
                dropped += 1
        else:
            dropped += 1
    return dropped


def clean(value: object, longest: int) -> AnyValue:
    """The value as one of OTLP's types, no longer than allowed; what is none of them becomes a string."""
    match value:
        case None | bool():
            return value
        case str():
            return str.__str__(value)[:longest]  # not str(): enums that are strings say something else
        case int():
            return int(value)
        case float():
            return float(value)
        case bytes() | bytearray() | memoryview():
            return bytes(value)[:longest]
        case Mapping():
            return {str(key): clean(one, longest) for key, one in value.items() if key}
        case Sequence():
            return tuple(clean(one, longest) for one in value)
        case _:
            return str(value)[:longest]
