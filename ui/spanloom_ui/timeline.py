"""Where things stand on a trace's time axis."""

from bisect import bisect_right
from dataclasses import dataclass

from spanloom_ui.wording import duration, number

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

_UNITS = ((_SECOND, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns"))

_LETTER = 0.014
"""The width of a label's letter as a share of an axis of 450 px, which is a narrow one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A labelled place on the axis."""

    x: str
    label: str
    """Empty where there is no room for it."""
    late: bool
    """Too near to the end for its label to stand on its right."""


def ticks(duration_ns: int, *, most: int = 6) -> list[Tick]:
    """At most *most* round places from the start of the trace on; the start alone for an empty trace."""
    if duration_ns <= 0:
        return [Tick(x="0%", label="0", late=False)]
    place = bisect_right(_STEPS, duration_ns / most)
    step = _STEPS[min(place, len(_STEPS) - 1)]
    count = min(duration_ns // step, most - 1)
    return [_tick(at * step, step=step, of=duration_ns) for at in range(count + 1)]


def _tick(at_ns: int, *, step: int, of: int) -> Tick:
    label = _label(at_ns, of=of)
    late = at_ns / of + _width(label) > 1
    # On its left a late label meets the one before, which stands on its right.
    fits = not late or _width(label) + _width(_label(at_ns - step, of=of)) < step / of
    return Tick(x=percent(at_ns, of=of), label=label if fits else "", late=late)


def _width(label: str) -> float:
    return _LETTER * (len(label) + 1)


def _label(at_ns: int, *, of: int) -> str:
    """*at_ns* in the unit that the whole duration *of* is said in: 0.2 s of 1.04 s."""
    if not at_ns:
        return "0"
    if of >= _DAY and at_ns % _DAY == 0:
        return f"{number(at_ns // _DAY)} d"
    if of >= _MINUTE:
        return duration(at_ns) if at_ns >= _MINUTE else f"{at_ns / _SECOND:g} s"
    size, unit = next(pair for pair in _UNITS if pair[0] <= of)
    return f"{at_ns / size:g} {unit}"


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
