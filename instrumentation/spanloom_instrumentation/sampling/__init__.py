"""Which traces are kept: what `configure(sampler=…)` may be given, to be combined at will.

from spanloom_instrumentation import sampling

sampling.parent_based(sampling.probability(0.1))
sampling.rate_limited(10)
"""

# ruff: noqa: PLC0415  # most services need none of what the functions import

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spanloom_instrumentation.sampling.jaeger_remote import defaults
from spanloom_instrumentation.sampling.sampler import Sampler
from spanloom_instrumentation.sampling.samplers import ALWAYS_OFF, ALWAYS_ON, ParentBased, probability

if TYPE_CHECKING:
    from opentelemetry.util.types import AnyValue

    from spanloom_instrumentation.sampling.rule_based import Rule

__all__ = [
    "ALWAYS_OFF",
    "ALWAYS_ON",
    "Rule",
    "annotating",
    "parent_based",
    "probability",
    "rate_limited",
    "remote",
    "rules",
]


def parent_based(root: Sampler) -> Sampler:
    """Keeps a trace whole: spans with a parent are kept or not as it is, roots as *root* wants."""
    return ParentBased(root)


def rate_limited(traces_per_second: float) -> Sampler:
    """Keeps about so many traces a second of each process; spans with a parent go with it.

    Raises ValueError for a rate that is not above zero.
    """
    from spanloom_instrumentation.sampling.rate_limit import RateLimited

    return ParentBased(RateLimited(traces_per_second))


def rules(*in_order: "Rule", otherwise: Sampler = ALWAYS_OFF) -> Sampler:
    """Asks the sampler of the first rule that fits."""
    from spanloom_instrumentation.sampling.rule_based import RuleBased

    return RuleBased(in_order, otherwise=otherwise)


def annotating(sampler: Sampler, attributes: "Mapping[str, AnyValue]") -> Sampler:
    """Adds attributes to the spans that a sampler keeps."""
    from spanloom_instrumentation.sampling.annotation import Annotating

    return Annotating(sampler, attributes)


def remote(
    service: str,
    *,
    endpoint: str = defaults.ENDPOINT,
    polling_interval_s: float = defaults.POLLING_INTERVAL_S,
    initial_probability: float = defaults.INITIAL_PROBABILITY,
) -> Sampler:
    """Keeps what the agent says, which hears it from the collectors; spans with a parent go with it.

    Raises ValueError for settings that make no sense.
    """
    from spanloom_instrumentation.sampling.jaeger_remote.settings import asking

    return ParentBased(
        asking(
            service,
            endpoint=endpoint,
            polling_interval_s=polling_interval_s,
            initial_probability=initial_probability,
        )
    )


def __getattr__(name: str) -> Any:
    if name == "Rule":
        from spanloom_instrumentation.sampling.rule_based import Rule

        return Rule
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
