"""What tracing costs a web service: latency, throughput and CPU by sampling probability, as Dapper's Table 2.

python -m benchmarks.overhead [--rounds 7] [--quick] [--docs DIR] [--json FILE]

A service of FastAPI is asked one request at a time for its latency, then eight at once for its
throughput: untraced; with OpenTelemetry's instrumentation packages but no tracer; with ours and with
opentelemetry-sdk at each probability. A round has each once, in random order, in a process of its own,
and changes are those within a round. Writes a page and its plot into DIR (docs), or nowhere after
--quick, which only shows that all this works.
"""

import argparse
import os
import random
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from benchmarks import measure
from benchmarks.overhead import page, plot
from benchmarks.overhead.changes import Figures
from benchmarks.overhead.requests import ask
from benchmarks.overhead.servers import Cores, Setting, Surroundings, cpu_ns, service, surroundings

UNTRACED: Final = Setting("untraced")
PACKAGES: Final = Setting("packages")
ONE_IN: Final = (1, 2, 4, 8, 16, 1024)
AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Pace:
    """How long each part takes; long enough that what is sent in the background is sent within it."""

    warm_s: float
    measured_s: float


def measured(setting: Setting, around: Surroundings, cores: Cores, pace: Pace) -> Figures:
    """One fresh process."""
    with service(setting, around, cores) as (process, port):
        ask(port, at_once=AT_ONCE, for_s=pace.warm_s)
        alone = ask(port, at_once=1, for_s=pace.measured_s)
        before_ns = cpu_ns(process)
        crowd = ask(port, at_once=AT_ONCE, for_s=pace.measured_s)
        used_ns = cpu_ns(process) - before_ns
    return {
        "mean": alone.mean_ms,
        "p50": alone.quantile_ms(0.5),
        "p99": alone.quantile_ms(0.99),
        "throughput": crowd.a_second,
        "cpu": used_ns / len(crowd.latencies_s) / 1e6,
    }


def a_round(
    settings: Sequence[Setting], around: Surroundings, cores: Cores, pace: Pace
) -> dict[Setting, Figures]:
    """Each setting once, and untraced twice, since everything is compared with it."""
    order = [UNTRACED, UNTRACED, *settings]
    random.shuffle(order)
    found = defaultdict(list)
    for setting in order:
        found[setting].append(measured(setting, around, cores, pace))
    return {
        setting: {figure: fmean(one[figure] for one in all_of_it) for figure in all_of_it[0]}
        for setting, all_of_it in found.items()
    }


def agents_figures(around: Surroundings) -> dict[str, int]:
    """Spans that came to the agent, and those that did not."""
    text = httpx.get(f"http://{around.agent.agent}/metrics").text
    found: dict[str, int] = defaultdict(int)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name.removeprefix("spanloom_agent_")] += int(sample.value)
    return {
        "received": found["spans_received_total"],
        "lost": found["spans_lost"],
        "dropped": found["spans_dropped_by_senders_total"],
    }


def main() -> None:
    """Measure; print, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--docs", type=Path)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    one_in = ONE_IN[:1] if options.quick else ONE_IN
    pace = Pace(0.2, 0.3) if options.quick else Pace(0.6, 1.3)
    rounds = 2 if options.quick else options.rounds
    docs = options.docs or (None if options.quick else Path("docs"))
    settings = [PACKAGES, *(Setting(tracer, one) for tracer in ("spanloom", "sdk") for one in one_in)]

    cores = Cores.here()
    os.sched_setaffinity(0, cores.others)  # and with it all that is started from here
    with tempfile.TemporaryDirectory() as directory, surroundings(Path(directory)) as around:
        found = [a_round(settings, around, cores, pace) for _ in range(rounds)]
        spans = agents_figures(around)
    os.sched_setaffinity(0, cores.service | cores.others)
    by_setting = {setting: [one[setting] for one in found] for setting in [UNTRACED, *settings]}
    rows = page.rows(by_setting, UNTRACED, PACKAGES)
    measure.report([row.plain() for row in rows], to=options.json)
    print(", ".join(f"{count:,} spans {name}" for name, count in spans.items()))
    if docs:
        (docs / "images").mkdir(exist_ok=True)
        (docs / "images" / "overhead.svg").write_text(plot.svg(rows))
        (docs / "overhead.md").write_text(page.markdown(rows, by_setting[UNTRACED], spans))


if __name__ == "__main__":
    main()
