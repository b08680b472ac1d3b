"""Ids of traces and spans."""

import os
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final, Protocol


class IdGenerator(Protocol):
    """Where ids come from; those written for `opentelemetry-sdk` fit."""

    def generate_trace_id(self) -> int:
        """Make 128 bits that are not all zero."""

    def generate_span_id(self) -> int:
        """Make 64 bits that are not all zero."""

    def is_trace_id_random(self) -> bool:
        """Whether the last 56 bits of trace ids are random, as samplers want them."""


# A generator of our own, so that a program's random.seed(0) does not repeat ids. Mersenne's twister
# is as random as sampling needs and takes a tenth of the time of the system's.
_RANDOM: Final = Random()  # noqa: S311  # ids are no secrets

# Forked children would go on with the parent's sequence: the same ids in each.
os.register_at_fork(after_in_child=_RANDOM.seed)


class RandomIds:
    """All bits random."""

    # Functions of C called by nobody of ours: a span's id is one of the dearer parts of a span.
    generate_span_id: Callable[[], int] = staticmethod(partial(_RANDOM.getrandbits, 64))
    generate_trace_id: Callable[[], int] = staticmethod(partial(_RANDOM.getrandbits, 128))

    def is_trace_id_random(self) -> bool:
        """They are."""
        return True
