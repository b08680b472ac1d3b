"""Where things stand on a trace's time axis."""

from bisect import bisect_right
from dataclasses import dataclass

_SECOND = 1_000_000_000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR

_STEPS = (
    *(step * 10**power for power in range(9) for step in (1, 2, 5)),
    *(step * _SECOND for step in (1, 2, 5, 10, 15, 30)),
    *(step * _MINUTE for step in (1, 2, 5, 10, 15, 30)),
    *(step * _HOUR for step in (1, 2, 3, 6, 12)),
    *(step * _DAY * 10**power for power in range(9) for step in (1, 2, 5)),
)
"""Distances that people count in, smallest first."""

_UNITS = (
    (_DAY, "d"),
    (_HOUR, "h"),
    (_MINUTE, "min"),
    (_SECOND, "s"),
    (1_000_000, "ms"),
    (1_000, "µs"),
    (1, "ns"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A labelled place on the axis."""

    x: str
    label: str
    late: bool
    """Too near to the end for its label to stand on its right."""


def ticks(duration_ns: int, *, most: int = 6) -> list[Tick]:
    """At most *most* round places from the start of the trace on; the start alone for an empty trace."""
    if duration_ns <= 0:
        return [Tick(x="0%", label="0", late=False)]
    place = bisect_right(_STEPS, duration_ns / most)
    step = _STEPS[min(place, len(_STEPS) - 1)]
    unit_ns, unit = next(pair for pair in _UNITS if pair[0] <= step)
    count = min(duration_ns // step, most - 1)
    return [
        Tick(
            x=percent(number * step, of=duration_ns),
            label=_label(number * step, unit_ns, unit),
            late=number * step > 0.9 * duration_ns,
        )
        for number in range(count + 1)
    ]


def _label(at_ns: int, unit_ns: int, unit: str) -> str:
    return f"{at_ns // unit_ns:,} {unit}" if at_ns else "0"


def percent(part_ns: int, *, of: int) -> str:
    """*part_ns* as a share of *of*, held between 0 and 100 %, as SVG attributes take it."""
    return _percent(share(part_ns, of=of))


def share(part_ns: int, *, of: int) -> float:
    """*part_ns* as a fraction of *of*, held between 0 and 1; 0 where there is nothing to share."""
    return min(1.0, max(0.0, part_ns / of)) if of > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A span on the axis, in SVG's terms."""

    x: str
    width: str
    label_x: str
    label_side: str
    """`after`, `before` or `inside` the bar: wherever there is room to read it."""
    events: list[str]


_MOST_EVENTS = 40
"""Ticks on one bar: more would be a solid block, and a page of such bars a slow one."""


def bar(offset_ns: int, duration_ns: int, event_offsets: list[int], *, trace_ns: int) -> Bar:
    """The place of a span that starts *offset_ns* into a trace; a negative duration has no width."""
    start = share(offset_ns, of=trace_ns)
    end = max(start, share(offset_ns + duration_ns, of=trace_ns))
    side = "after" if end <= 0.72 else "before" if start >= 0.28 else "inside"
    return Bar(
        x=_percent(start),
        width=_percent(end - start),
        label_x=_percent(start if side == "before" else end),
        label_side=side,
        events=sorted({percent(at, of=trace_ns) for at in event_offsets[:_MOST_EVENTS]}),
    )


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.3f}".rstrip("0").rstrip(".") + "%"
