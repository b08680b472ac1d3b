"""The shop's bad luck: the faults of daily life, as often as each service asks for them."""

import random


class Faults:
    """Decides when things go wrong; with a seed, one process sees the same run of luck each time."""

    def __init__(self, *, seed: int | None, service: str) -> None:
        # The service's name is part of the seed, or all of them would fail in step.
        self._random = random.Random() if seed is None else random.Random(f"{seed}/{service}")

    def strike(self, fault: str, *, chance: float) -> bool:
        """Whether *fault* happens this time. It has a name so that a test can force it."""
        return self._random.random() < chance

    def between(self, least: float, most: float) -> float:
        """How long something takes, or how much there is of it."""
        return self._random.uniform(least, most)
