"""The figures as a page of the documentation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from benchmarks import measure
from benchmarks.overhead.changes import Estimate, Figures, change_percent
from benchmarks.overhead.servers import SETTINGS, Setting

FIGURES: Final = {
    "mean": "mean latency",
    "p50": "p50",
    "p99": "p99",
    "throughput": "throughput",
    "cpu": "CPU a request",
}

DAPPER: Final = {
    1: (16.3, -1.48),
    2: (9.40, -0.73),
    4: (6.38, -0.30),
    8: (4.12, -0.23),
    16: (2.12, -0.08),
    1024: (-0.20, -0.06),
}
"""Mean latency and throughput of Google's web search, in percent: Table 2 of the report dapper-2010-1."""

CALLED: Final = {
    "packages": "instrumentation packages, no tracer",
    "spanloom": "Spanloom",
    "sdk": "opentelemetry-sdk",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One setting beside no tracing at all."""

    setting: Setting
    changes: Mapping[str, Estimate]
    """In percent, by figure."""
    own: Estimate
    """The tracer's own part of the CPU time: in percent of what instrumentation takes without one."""

    def plain(self) -> dict[str, object]:
        """For the terminal, and for JSON."""
        found: dict[str, object] = {"tracing": self.setting.name}
        for figure, change in {**self.changes, "own cpu": self.own}.items():
            found |= {f"{figure} %": change.mean, f"±{figure}": change.error}
        return found


def rows(by_setting: Mapping[Setting, Sequence[Figures]], untraced: Setting, packages: Setting) -> list[Row]:
    """All settings but untraced, beside it; and what they take more than the packages alone."""
    bare, untold = by_setting[untraced], by_setting[packages]
    return [
        Row(
            setting,
            {figure: change_percent(found, bare, figure) for figure in FIGURES},
            change_percent(found, untold, "cpu"),
        )
        for setting, found in by_setting.items()
        if setting != untraced
    ]


def markdown(found: Sequence[Row], untraced: Sequence[Figures], spans: Mapping[str, int]) -> str:
    """The page."""
    bare = {figure: fmean(one[figure] for one in untraced) for figure in FIGURES}
    return TEXT.format(
        table="\n".join(_line(row) for row in found),
        dapper="\n".join(
            f"| 1/{one_in} | {_signed(latency)} | {_signed(throughput, 2)} |"
            for one_in, (latency, throughput) in DAPPER.items()
        ),
        rounds=len(untraced),
        delay_ms=SETTINGS["OTEL_BSP_SCHEDULE_DELAY"],
        machine="{processor}, {cores} cores, CPython {python}".format_map(measure.machine()),
        **bare,
        **spans,
    )


def _line(row: Row) -> str:
    sampled = f"1/{row.setting.one_in}" if row.setting.one_in else ""
    cells = [_cell(change) for change in row.changes.values()]
    cells.append(_cell(row.own) if row.setting.one_in else "")
    return f"| {' | '.join([CALLED[row.setting.tracer], sampled, *cells])} |"


def _cell(change: Estimate) -> str:
    return f"{_signed(change.mean)} ± {change.error:.1f}"


def _signed(percent: float, digits: int = 1) -> str:
    return f"{percent:+.{digits}f}".replace("-", "−")


TEXT: Final = """\
# What tracing costs a web service

<!-- Written by `python -m benchmarks.overhead`; edit that. -->

![Mean latency and CPU time by sampling probability](images/overhead.svg)

A service of FastAPI under uvicorn, in one process on a core of its own, answers `GET /orders/{{id}}` with
twelve lines from SQLite and the stock that another service knows, over HTTP. Untraced it takes {mean:.2f} ms
(p50 {p50:.2f}, p99 {p99:.2f}) when asked one request at a time; asked eight at once it answers
{throughput:.0f} a second and takes {cpu:.2f} ms of CPU for each. OpenTelemetry's packages instrument all
three libraries, with all that they do by default.

Changes in percent of the untraced service, with 95 % confidence intervals over {rounds} rounds in random
order, each in a fresh process:

| tracer | sampled | mean latency | p50 | p99 | throughput | CPU a request | its tracer's part |
|---|---|---|---|---|---|---|---|
{table}

*Instrumentation packages, no tracer* is what OpenTelemetry's packages take by themselves, with its API
alone: a service pays it for not having to be changed, whatever the tracer is, and even if nothing is
sampled. The last column is what CPU time the tracer adds to that.

Spans of Spanloom went by UDP to a real agent on the other core: {received:,} came, {lost:,} were lost on the
way, {dropped:,} given up by the service. Those of opentelemetry-sdk went through its `BatchSpanProcessor` and
OTLP exporter over HTTP, as often (every {delay_ms} ms), to a collector that takes everything.

What Google published of its web search in 2010 (*Dapper*, Table 2; ± 2.5 and ± 0.15), in percent:

| sampled | mean latency | throughput |
|---|---|---|
{dapper}

Measured with `python -m benchmarks.overhead` on {machine}.
"""
