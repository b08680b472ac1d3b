"""A sampler that does as the agent says, which hears it from the collectors: Jaeger's remote sampling."""

from random import SystemRandom
from typing import Final

from spanloom_instrumentation.background import Background
from spanloom_instrumentation.bell import Bell
from spanloom_instrumentation.forks import renew_in_children
from spanloom_instrumentation.notices import warn_once
from spanloom_instrumentation.sampling.jaeger_remote.answer import sampler_of
from spanloom_instrumentation.sampling.jaeger_remote.question import Question
from spanloom_instrumentation.sampling.sampler import Intent, Sampler, Start

SHUTDOWN_S: Final = 1.0
RETRY_S: Final = 5.0
"""At most until the next question, where the last one had no answer."""
_SILENCE: Final = "How to sample is not answered, and stays as it is: %r"
_NONSENSE: Final = "How to sample is answered with nonsense, and stays as it is: %s"
_LONGEST_S: Final = 86_400.0
_RANDOM: Final = SystemRandom()


class Remote:
    """Wants what was last answered, and *initial* until then; what is no answer changes nothing.

    The thread that asks begins with the first trace, in a forked child with the child's first.
    """

    follows_parent = False

    def __init__(self, question: Question, *, initial: Sampler, polling_interval_s: float) -> None:
        """Take all; raises ValueError for what is no interval."""
        if not 0 < polling_interval_s <= _LONGEST_S:
            raise ValueError(f"a polling interval is above 0 and up to a day, not {polling_interval_s} s")
        self._question = question
        self._sampler = initial
        self._interval_s = polling_interval_s
        self._answer = b""
        self._closing = False
        self.after_fork()
        renew_in_children(self)

    def after_fork(self) -> None:
        """Begin without a thread, and without the parent's connection."""
        self._question.forget()
        self._enough = Bell()
        self._polling = Background(self._poll)

    def intent(self, start: Start) -> Intent:
        """As it was last said."""
        self._polling.runs()
        return self._sampler.intent(start)

    def _poll(self) -> None:
        while not self._closing:
            wait_s = self._interval_s if self._learns() else min(self._interval_s, RETRY_S)
            # Workers that were forked together do not ask together.
            self._enough.wait(wait_s * _RANDOM.uniform(0.9, 1.1))

    def _learns(self) -> bool:
        try:
            answer = self._question.ask()
            if answer != self._answer:  # else what the samplers have counted so far would be forgotten
                self._sampler = sampler_of(answer)
                self._answer = answer
        except (OSError, ValueError) as exc:
            if not self._closing:
                warn_once(_NONSENSE if isinstance(exc, ValueError) else _SILENCE, exc)
            return False
        return True

    def shutdown(self) -> None:
        """End the thread, within a second; sampling stays as it is."""
        self._closing = True
        self._enough.ring()
        self._question.give_up()
        self._polling.join(SHUTDOWN_S)

    def __str__(self) -> str:
        return f"Remote{{{self._question.endpoint},{self._sampler}}}"
