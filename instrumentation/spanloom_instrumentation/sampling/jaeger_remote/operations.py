"""Strategies by operation, which is the name of a root span.

Kept spans say in Jaeger's words why they were kept: `sampler.type` and `sampler.param` are what its
collectors look at to adapt what they ask for.
"""

from collections.abc import Mapping
from typing import Final

from opentelemetry.util.types import Attributes

from spanloom_instrumentation.sampling.rate_limit import RateLimited
from spanloom_instrumentation.sampling.sampler import Intent, Start
from spanloom_instrumentation.sampling.samplers import threshold_or_none

MOST_OPERATIONS: Final = 2000
"""That are told apart without having been named; names that hold ids would fill the memory."""


class Probabilistic:
    """Keeps a part of an operation's traces, and no fewer than *at_least* a second where there are as many.

    Jaeger's clients keep those for the bound besides, and nobody knows what they stand for. Here the
    probability rises until it keeps enough, so that all say it.
    """

    follows_parent = False

    def __init__(self, part: float, *, at_least: float = 0) -> None:
        """Take both; raises ValueError for what is no probability, or no rate."""
        self._usual = Intent(
            threshold=threshold_or_none(part),
            attributes={"sampler.type": "probabilistic", "sampler.param": part},
        )
        self._bound = RateLimited(at_least, at_once=1) if at_least else None
        self._of_bound: Attributes = {"sampler.type": "lowerbound", "sampler.param": part}
        self._description = f"Probabilistic{{{part},at_least={at_least}}}"

    def intent(self, start: Start) -> Intent:
        """What keeps more of both."""
        usual = self._usual
        if self._bound is None:
            return usual
        threshold = self._bound.intent(start).threshold or 0
        if usual.threshold is not None and usual.threshold <= threshold:
            return usual
        return Intent(threshold=threshold, attributes=self._of_bound)

    def shutdown(self) -> None:
        """There is nothing."""

    def __str__(self) -> str:
        return self._description


class PerOperation:
    """Each operation as it is said of it, the others as *default*; *at_least* is for each of them."""

    follows_parent = False

    def __init__(self, *, default: float, at_least: float, probabilities: Mapping[str, float]) -> None:
        """Take all; raises ValueError for what is no probability, or no rate."""
        self._default = default
        self._at_least = at_least
        self._known = {
            operation: Probabilistic(part, at_least=at_least) for operation, part in probabilities.items()
        }
        self._room = len(self._known) + MOST_OPERATIONS
        self._others = Probabilistic(default)

    def intent(self, start: Start) -> Intent:
        """What the operation's wants."""
        return (self._known.get(start.name) or self._of(start.name)).intent(start)

    def _of(self, operation: str) -> Probabilistic:
        if not self._at_least or len(self._known) >= self._room:
            return self._others
        return self._known.setdefault(operation, Probabilistic(self._default, at_least=self._at_least))

    def shutdown(self) -> None:
        """There is nothing."""

    def __str__(self) -> str:
        return f"PerOperation{{{len(self._known)},others={self._others}}}"
