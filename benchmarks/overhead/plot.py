"""The figures as a drawing: a panel for each of two figures, a line for each tracer, with error bars."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from benchmarks.overhead.changes import Estimate
from benchmarks.overhead.page import CALLED, FIGURES, Row

PANELS: Final = ("mean", "cpu")
LINES: Final = ("spanloom", "sdk")

WIDTH: Final = 760
PANEL: Final = 300
HEIGHT: Final = 220
LEFT: Final = 60
TOP: Final = 70
GAP: Final = 80

STYLE: Final = """
text { font: 12px system-ui, sans-serif; fill: #333 }
.title { font-weight: 600 }
.grid { stroke: #ddd }
.spanloom { stroke: #0b6bcb; fill: #0b6bcb }
.sdk { stroke: #b3541e; fill: #b3541e }
.packages { stroke: #777; fill: #777 }
.line { fill: none; stroke-width: 2 }
.dashed { stroke-dasharray: 5 4 }
text.name { stroke: none }
@media (prefers-color-scheme: dark) {
  text { fill: #ddd }
  .grid { stroke: #444 }
  .spanloom { stroke: #6cb2ff; fill: #6cb2ff }
  .sdk { stroke: #f0a070; fill: #f0a070 }
  .packages { stroke: #aaa; fill: #aaa }
}
"""


@dataclass(frozen=True, slots=True)
class _Panel:
    """One figure's: where values are drawn."""

    left: float
    top_percent: float
    places: Mapping[int, float]
    """One in so many → x."""

    def y(self, percent: float) -> float:
        return TOP + HEIGHT * (1 - percent / self.top_percent)


def svg(rows: Sequence[Row]) -> str:
    """All of it."""
    one_in = sorted({row.setting.one_in for row in rows if row.setting.one_in})
    drawn = [
        *_legend(),
        *(part for place, figure in enumerate(PANELS) for part in _panel(rows, figure, one_in, place)),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {TOP + HEIGHT + 60}" role="img">\n'
        f"<title>What tracing adds to a web service, by sampling probability</title>\n"
        f"<style>{STYLE}</style>\n" + "\n".join(drawn) + "\n</svg>\n"
    )


def _legend() -> Iterator[str]:
    for x, name in ((LEFT, "spanloom"), (LEFT + 130, "sdk"), (LEFT + 310, "packages")):
        dashed = " dashed" if name == "packages" else ""
        yield f'<path class="line {name}{dashed}" d="M{x} 20h24"/>'
        yield f'<text x="{x + 32}" y="24">{CALLED[name]}</text>'


def _panel(rows: Sequence[Row], figure: str, one_in: Sequence[int], place: int) -> Iterator[str]:
    left = LEFT + place * (PANEL + GAP)
    changes = {row.setting: row.changes[figure] for row in rows}
    top_percent = 10 * ceil(max(_top(change) for change in changes.values()) / 10 + 0.01)
    step = PANEL / len(one_in)
    panel = _Panel(left, top_percent, {one: left + step * (at + 0.5) for at, one in enumerate(one_in)})
    yield f'<text class="title" x="{left}" y="{TOP - 18}">{FIGURES[figure]}, % more than untraced</text>'
    yield from _grid(panel)
    for setting, change in changes.items():
        if not setting.one_in:
            y = panel.y(change.mean)
            yield f'<path class="line {setting.tracer} dashed" d="M{left} {y:.1f}h{PANEL}"/>'
    for tracer in LINES:
        yield from _line(
            panel, tracer, {one.one_in: change for one, change in changes.items() if one.tracer == tracer}
        )


def _grid(panel: _Panel) -> Iterator[str]:
    for percent in range(0, int(panel.top_percent) + 1, 10 * ceil(panel.top_percent / 100)):
        y = panel.y(percent)
        yield f'<path class="grid" d="M{panel.left} {y:.1f}h{PANEL}"/>'
        yield f'<text x="{panel.left - 8}" y="{y + 4:.1f}" text-anchor="end">{percent}</text>'
    for one, x in panel.places.items():
        yield f'<text x="{x:.1f}" y="{TOP + HEIGHT + 20}" text-anchor="middle">1/{one}</text>'
    x = panel.left + PANEL / 2
    yield f'<text x="{x}" y="{TOP + HEIGHT + 42}" text-anchor="middle">traces sampled</text>'


def _line(panel: _Panel, tracer: str, changes: Mapping[int, Estimate]) -> Iterator[str]:
    at = {one: (panel.places[one], panel.y(change.mean)) for one, change in sorted(changes.items())}
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in at.values())
    yield f'<polyline class="line {tracer}" points="{points}"/>'
    for one, (x, y) in at.items():
        half = changes[one].error / panel.top_percent * HEIGHT
        yield f'<path class="line {tracer}" d="M{x:.1f} {y - half:.1f}v{2 * half:.1f}"/>'
        yield f'<circle class="{tracer}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'


def _top(change: Estimate) -> float:
    return change.mean + change.error
