"""The samplers that everything begins with."""

from typing import Final

from spanloom_instrumentation.sampling.sampler import Intent, Sampler, Start
from spanloom_model.ot_entry import MOST, threshold_of

_ALL: Final = Intent(threshold=0)
_NOTHING: Final = Intent(threshold=None, reliable=False)
_ALL_OF_UNKNOWN: Final = Intent(threshold=0, reliable=False)


class Fixed:
    """Always wants the same."""

    follows_parent = False

    def __init__(self, intent: Intent, description: str) -> None:
        self._intent = intent
        self._description = description

    def intent(self, start: Start) -> Intent:  # noqa: ARG002  # the interface's signature
        """The same."""
        return self._intent

    def shutdown(self) -> None:
        """There is nothing."""

    def __str__(self) -> str:
        return self._description


ALWAYS_ON: Final = Fixed(_ALL, "AlwaysOn")
ALWAYS_OFF: Final = Fixed(_NOTHING, "AlwaysOff")


def probability(part: float) -> Sampler:
    """Keeps this part of all traces, the same ones in every process that keeps as many.

    Raises ValueError for what is no probability.
    """
    threshold = threshold_or_none(part)
    if threshold is None:
        return ALWAYS_OFF
    return Fixed(Intent(threshold=threshold), f"Probability{{{part}}}")


def threshold_or_none(part: float) -> int | None:
    """The threshold that keeps this part, None for nothing; raises ValueError for what is no probability."""
    if part == 0:
        return None
    if not 1 / MOST <= part <= 1:
        raise ValueError(f"a probability is 0, or between 2^-56 and 1, not {part}")
    return threshold_of(part)


class ParentBased:
    """Does as the parent did; for roots as *root* wants."""

    follows_parent = True

    def __init__(self, root: Sampler) -> None:
        self._root = root

    def intent(self, start: Start) -> Intent:
        """The parent's threshold. Of a parent that was kept without one, nobody knows what it stands for."""
        if start.parent is None:
            return self._root.intent(start)
        if not start.parent.trace_flags.sampled:
            return _NOTHING
        told = start.parent_threshold
        return _ALL_OF_UNKNOWN if told is None else Intent(threshold=told)

    def shutdown(self) -> None:
        """The root's."""
        self._root.shutdown()

    def __str__(self) -> str:
        return f"ParentBased{{root={self._root}}}"
