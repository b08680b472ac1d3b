"""Strategies in force: read at start, and again whenever their source says something else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from spanloom_collector.following import LOOK_EVERY_S, Follower, file_reader, url_reader
from spanloom_collector.sampling.strategies import Strategies, read_strategies
from spanloom_collector.sampling.strategy import Strategy

URL_EVERY_S: Final = 10.0


class SamplingService:
    """Answers samplers; what they are told is never older than the last good file by ten seconds."""

    def __init__(self, source: str, *, default_probability: float) -> None:
        """The source is a file, an http or https address, or empty: then all are told the default."""
        self._default_probability = default_probability
        self._strategies = Strategies(default=Strategy(probability=default_probability))
        self._is_url = source.startswith(("http://", "https://"))
        read = url_reader(source) if self._is_url else file_reader(Path(source).expanduser())
        self._every_s = URL_EVERY_S if self._is_url else LOOK_EVERY_S
        what = f"the sampling strategies of {source}"
        self._follower = Follower(what, read, self._take, settles=not self._is_url) if source else None

    @property
    def trouble(self) -> str | None:
        """Why the newest strategies are not in force; None while they are."""
        return None if self._follower is None else self._follower.trouble

    def strategy_for(self, service: str) -> Strategy:
        """What a service should do."""
        return self._strategies.strategy_for(service)

    @asynccontextmanager
    async def running(self, every_s: float | None = None) -> AsyncIterator[None]:
        """Follow the source until left: a file every second, an address every ten.

        Raises MisconfiguredError for a file that is not there or not in the format. An address that does
        not answer is asked again; until it does, all are told the default.
        """
        if self._follower is None:
            yield
            return
        if self._is_url:
            await self._follower.look()
        else:
            self._follower.start()
        async with self._follower.running(every_s or self._every_s):
            yield

    def _take(self, data: bytes) -> None:
        self._strategies = read_strategies(data, default_probability=self._default_probability)
