"""Traffic without end from a process of its own, which shares no interpreter with whoever measures."""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, takewhile
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import Final

from benchmarks.corpus import BASE_NS, Corpus, Request
from benchmarks.corpus.ahead import ahead
from benchmarks.loader import Load, send

ENDLESS: Final = 2**40


class Traffic:
    """Sends from when it is made until it is told to end; 0 spans a second is as fast as they are taken."""

    def __init__(
        self, to: str, *, seed: int = 1, base_ns: int = BASE_NS, spans_a_second: float = 0.0
    ) -> None:
        spawn = multiprocessing.get_context("spawn")
        corpus = partial(Corpus, ENDLESS, seed=seed, base_ns=base_ns)
        sending = partial(send, to=to, spans_a_second=spans_a_second)
        self._ended = spawn.Event()
        self._answers, answers = spawn.Pipe(duplex=False)
        self._process = spawn.Process(target=_run, args=(corpus, sending, self._ended, answers), daemon=True)
        self._process.start()
        answers.close()  # else a process that fails would be waited for
        self._answers.recv()

    def end(self) -> Load:
        """Wait for the last answers; what became of all."""
        self._ended.set()
        load: Load = self._answers.recv()
        self._process.join()
        return load


def _run(
    corpus: Callable[[], Corpus],
    sending: Callable[[Iterator[Request]], Load],
    ended: Event,
    answers: "Connection[object, object]",
) -> None:
    requests = corpus().requests()
    first = next(requests)  # compiles what is not compiled yet
    answers.send(None)
    before = time.process_time()
    load = sending(takewhile(lambda _: not ended.is_set(), chain([first], ahead(requests))))
    load.cpu_s = time.process_time() - before  # with what making the requests took
    answers.send(load)
