"""So many traces a second: what is kept, and what it stands for."""

import random
import threading
from collections.abc import Iterator
from math import inf, log, nan, sqrt
from typing import Any

import pytest
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext

from spanloom_instrumentation import sampling
from spanloom_instrumentation.sampling.rate_limit import RateLimited
from spanloom_instrumentation.sampling.trace_state import told_by
from spanloom_model import ot_entry
from tests.instrumentation.doubles import AgentDouble, names, run_program, spans, traced


class Traffic:
    """Traces that begin at random times, on a clock of their own, and the same in each run."""

    def __init__(self, per_second: float) -> None:
        self._random = random.Random(7)  # noqa: S311  # traffic
        self.now_s = 1000.0
        self.sampler = RateLimited(per_second, now_s=lambda: self.now_s)
        self._tracer = traced(sampler=self.sampler, ids=self).provider.get_tracer("lib")

    def generate_trace_id(self) -> int:
        """Random."""
        return self._random.getrandbits(128)

    def generate_span_id(self) -> int:
        """Random."""
        return self._random.getrandbits(64)

    def is_trace_id_random(self) -> bool:
        """They are."""
        return True

    def root(self) -> SpanContext:
        """One trace."""
        return self._tracer.start_span("made", context=Context()).get_span_context()

    def at(self, rate: float, *, for_s: float) -> Iterator[SpanContext]:
        """So many traces a second, for so long."""
        end_s = self.now_s + for_s
        while (next_s := self.now_s + self._random.expovariate(rate)) < end_s:
            self.now_s = next_s
            yield self.root()
        self.now_s = end_s


def stands_for(root: SpanContext) -> float:
    """How many traces a kept one says that it stands for."""
    threshold = ot_entry.threshold_in(told_by(root.trace_state))
    assert threshold is not None
    return ot_entry.adjusted_count(threshold)


def kept(roots: Iterator[SpanContext]) -> list[SpanContext]:
    """Those that are."""
    return [root for root in roots if root.trace_flags.sampled]


def test_what_is_kept_stands_for_what_was_made() -> None:
    """Whoever multiplies by what the spans say gets the true traffic, however that changes."""
    traffic = Traffic(20)
    made, counts = 0, []
    for rate in (5, 2000, 40, 1000, 5, 400, 2000, 1) * 3:
        for root in traffic.at(rate, for_s=5):
            made += 1
            if root.trace_flags.sampled:
                counts.append(stands_for(root))
    error = sqrt(sum(count * (count - 1) for count in counts))
    assert error < 0.04 * made, "else this test would show nothing"
    assert abs(sum(counts) - made) < 2.5 * error


def test_about_as_many_as_wanted_are_kept_all_the_time() -> None:
    """Twenty of each second, from all of it: not the first twenty and then nothing."""
    traffic = Traffic(20)
    list(traffic.at(2000, for_s=5))
    early, late = 0, 0
    for _ in range(30):
        first = len(kept(traffic.at(2000, for_s=0.5)))
        second = len(kept(traffic.at(2000, for_s=0.5)))
        assert 5 <= first + second <= 45
        early, late = early + first, late + second
    assert early + late == pytest.approx(600, rel=0.15)
    assert early == pytest.approx(late, rel=0.3)


def test_few_traces_are_all_kept() -> None:
    """A quiet service loses nothing, and each of its traces stands for itself."""
    traffic = Traffic(20)
    roots = list(traffic.at(5, for_s=60))
    assert len(roots) > 200
    assert {stands_for(root) for root in roots} == {1}


@pytest.mark.parametrize("burst", [100, 10_000])
def test_bursts_are_bounded(burst: int) -> None:
    """A hundred thousand requests at once, after hours of none, cost what a hundred do, about."""
    traffic = Traffic(10)
    for _ in range(3):
        traffic.now_s += 10_000
        found = sum(traffic.root().trace_flags.sampled for _ in range(burst))
        assert 10 <= found <= 10 * (1 + log(burst / 10)) + 30


def test_a_clock_that_goes_back_is_no_trouble() -> None:
    """A machine that wakes up, or one whose clock is wrong, samples on."""
    traffic = Traffic(20)
    list(traffic.at(2000, for_s=5))
    traffic.now_s -= 500
    assert len(kept(traffic.at(2000, for_s=20))) == pytest.approx(400, rel=0.3)


def test_hardly_ever_is_not_always() -> None:
    """However small a rate is, it is a limit."""
    traffic = Traffic(1e-320)
    assert len(kept(traffic.at(100, for_s=20))) == 1


@pytest.mark.parametrize("rate", [0, -1, inf, nan])
def test_other_numbers_are_no_rates(rate: float) -> None:
    """A setting that makes no sense is refused when it is made."""
    with pytest.raises(ValueError, match="a rate is above 0"):
        sampling.rate_limited(rate)


def test_traces_are_whole() -> None:
    """What is limited are traces: children go with their root, and say the same."""
    here = traced(sampler=sampling.rate_limited(5))
    tracer = here.provider.get_tracer("lib")
    for _ in range(300):
        with tracer.start_as_current_span("root") as root:
            child: Any = tracer.start_span("child", context=None)
            child.end()
        assert child.get_span_context().trace_flags == root.get_span_context().trace_flags
        assert child.get_span_context().trace_state == root.get_span_context().trace_state
    sent = here.spans()
    assert 20 < len(sent) < 300
    assert len({span.trace_state for span in sent}) > 3, "the probability followed the traffic"


def test_threads_share_the_limit() -> None:
    """A server with many threads keeps as many as one with a single one."""
    tracer = traced(sampler=sampling.rate_limited(10)).provider.get_tracer("lib")
    found: list[bool] = []

    def serve() -> None:
        found.extend(
            tracer.start_span("made", context=Context()).get_span_context().trace_flags.sampled
            for _ in range(1000)
        )

    threads = [threading.Thread(target=serve) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8000
    assert 10 <= sum(found) <= 10 * (1 + log(800)) + 60


def test_forked_workers_have_limits_of_their_own(agent: AgentDouble) -> None:
    """A child is not silenced by what its parent did before."""
    program = """
import os, spanloom_instrumentation
from opentelemetry import trace
from spanloom_instrumentation import sampling
provider = spanloom_instrumentation.configure(service="shop", sampler=sampling.rate_limited(1))
tracer = trace.get_tracer("shop")
for _ in range(20_000):
    tracer.start_span("parent").end()
if os.fork() == 0:
    for _ in range(10):
        tracer.start_span("child").end()
    provider.shutdown()
    os._exit(0)
os.wait()
"""
    run_program(program, agent)
    datagrams = agent.received()
    assert names(datagrams).count("child") == 10
    assert {span.trace_state for span in spans(datagrams) if span.name == "child"} == {"ot=th:0"}
