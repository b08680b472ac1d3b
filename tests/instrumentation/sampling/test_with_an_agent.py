"""Strategies from a file, through a real collector and a real agent, to a service that samples by them."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from opentelemetry.context import Context

from spanloom_instrumentation import sampling
from tests.instrumentation.doubles import Traced, attributes, traced
from tests.instrumentation.sampling.strategies import until
from tests.processes import Spanloom


def write(strategies: Path, **operations: float) -> None:
    """What operators write: these operations, and nothing else is kept."""
    told = [{"operation": name, "type": "probabilistic", "param": part} for name, part in operations.items()]
    shop = {"service": "shop", "type": "probabilistic", "param": 0, "operation_strategies": told}
    strategies.write_text(json.dumps({"service_strategies": [shop]}))


@contextmanager
def service(endpoint: str) -> Iterator[Traced]:
    """A service that asks often."""
    sampler = sampling.remote("shop", endpoint=endpoint, polling_interval_s=0.05, initial_probability=0)
    here = traced(sampler=sampler)
    try:
        yield here
    finally:
        here.provider.shutdown()


def keeps(here: Traced, name: str) -> bool:
    """Whether it keeps such a trace now."""
    span = here.provider.get_tracer("lib").start_span(name, context=Context())
    span.end()
    return span.get_span_context().trace_flags.sampled


def test_strategies_reach_services_and_change_while_they_run(spanloom: Spanloom, tmp_path: Path) -> None:
    """Operators edit a file; no service is restarted, and none minds that the agent is."""
    strategies = tmp_path / "strategies.json"
    write(strategies, pay=1)
    spanloom.start("collector", "--collector-sampling-strategies", str(strategies))
    agent = spanloom.start("agent")
    near, far = f"http://{spanloom.ports.agent}", f"http://{spanloom.ports.jaeger_http}/api/sampling"
    with service(near) as asking_agent, service(far) as asking_collector:
        for one in (asking_agent, asking_collector):
            until(partial(keeps, one, "pay"))
            assert not keeps(one, "cart")
        assert attributes(asking_agent.spans()[0])["sampler.param"] == 1.0

        write(strategies, pay=0, cart=1)
        until(partial(keeps, asking_collector, "cart"))
        assert not keeps(asking_collector, "pay")

        agent.process.send_signal(signal.SIGKILL)
        agent.process.wait()
        time.sleep(0.3)  # several questions that nobody answers
        assert keeps(asking_agent, "pay"), "it stays as it was"
        spanloom.start("agent")
        until(partial(keeps, asking_agent, "cart"))
        assert not keeps(asking_agent, "pay")
