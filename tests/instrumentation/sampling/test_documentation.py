"""The page on sampling does what it says."""

import re
from pathlib import Path
from typing import Final

import pytest

from spanloom_instrumentation import sampling
from spanloom_instrumentation.sampling.jaeger_remote import defaults
from spanloom_instrumentation.sampling.jaeger_remote.operations import MOST_OPERATIONS
from spanloom_instrumentation.sampling.jaeger_remote.sampler import RETRY_S
from tests.instrumentation.doubles import AgentDouble, run_program

DOCS: Final = Path(__file__).parents[3] / "docs"
PAGE: Final = (DOCS / "sampling.md").read_text()
EXAMPLES: Final = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
SAMPLERS: Final = [
    "ParentBased{root=Probability{0.1}}",
    "ParentBased{root=RateLimited{10}}",
    "ParentBased{root=RuleBased{(name=['GET /health', 'GET /metrics']:AlwaysOff),",
    "ParentBased{root=Remote{http://127.0.0.1:5778,Probability{0.001}}}",
    "AlwaysOff",
]
SAY: Final = """
from opentelemetry import trace
print(trace.get_tracer_provider().sampler)
"""


@pytest.mark.parametrize(("example", "sampler"), list(zip(EXAMPLES, SAMPLERS, strict=True)))
def test_examples_run(agent: AgentDouble, example: str, sampler: str) -> None:
    """Whoever copies one has a service that samples like that."""
    run = run_program(f"{example}\n{SAY}", agent)
    assert run.stdout.startswith(sampler)
    assert run.stderr == ""


def test_every_sampler_is_there() -> None:
    """The table lists all that the package offers, and nothing else."""
    table = PAGE.partition("| sampler | keeps |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`sampling\.(\w+)", table)) == set(sampling.__all__) - {"Rule"}
    for name in sampling.__all__:
        assert getattr(sampling, name) is not None


def test_defaults_are_told() -> None:
    """The page and the table of settings tell the true ones."""
    said = (
        f"endpoint={defaults.ENDPOINT},pollingIntervalMs={defaults.POLLING_INTERVAL_S * 1000:.0f},"
        f"initialSamplingRate={defaults.INITIAL_PROBABILITY}"
    )
    assert f"OTEL_TRACES_SAMPLER_ARG={said}\n" in PAGE
    assert f"`{said}`" in (DOCS / "configuration.md").read_text()
    assert f"{MOST_OPERATIONS:,}" in PAGE
    assert RETRY_S == 5, "the page says so in words"
