"""Threads that all searches of this process share, fairly: each has a few blocks in hand at a time."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS: Final = min(8, os.cpu_count() or 1)
_POOL: Final = ThreadPoolExecutor(THREADS, "spanloom-search")


def each(compute: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """All results, in order."""
    return list(_POOL.map(compute, items))


class Ahead(Generic[Result]):
    """Results by number, each computed once; those that will be asked for next are computed meanwhile."""

    def __init__(self, compute: Callable[[int], Result], count: int) -> None:
        self._compute = compute
        self._count = count
        self._futures: dict[int, Future[Result]] = {}
        self._asked = 0

    def __enter__(self) -> Self:
        return self

    def result(self, number: int) -> Result:
        """One of the results; the more have been asked for, the more are begun."""
        self._asked += 1
        for following in range(number, min(self._count, number + 1 + min(self._asked, 2 * THREADS))):
            if following not in self._futures:
                self._futures[following] = _POOL.submit(self._compute, following)
        return self._futures[number].result()

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for future in self._futures.values():
            future.cancel()
