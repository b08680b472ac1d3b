"""Sampling strategies for the clients on this host, as Jaeger's agent answers them.

A client asks every minute which part of its traces to keep. The agent asks a collector in turn
(`GET /api/sampling?service=`), and keeps what it has heard for when no collector answers.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from spanloom_agent.collectors import Collector
from spanloom_agent.counts import Counts

FRESH_S: Final = 60.0
"""How long an answer is taken for true."""
RETRY_S: Final = 5.0
"""How long no collector is asked again after none has answered."""
TIMEOUT_S: Final = 2.0
"""A client waits meanwhile, and has a deadline of its own."""
MAX_SERVICES: Final = 1_000


class UnknownError(Exception):
    """No collector has ever said anything of this service, and none answers now; the text says why."""


@dataclass(slots=True)
class _Known:
    strategy: bytes
    until_s: float


class Sampling:
    """What the collectors say of each service."""

    def __init__(
        self, collectors: Sequence[Collector], counts: Counts, *, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._collectors = collectors
        self._now_s = now_s
        self._counts = counts
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def strategy(self, service: str) -> bytes:
        """The strategy for a service, in Jaeger's JSON; raises UnknownError."""
        known = self._known.get(service)
        if known is not None and self._now_s() < known.until_s:
            return self._told("remembered", known)
        try:
            known = _Known(await self._ask(service), self._now_s() + FRESH_S)
        except UnknownError:
            if known is None:
                self._counts.sampling.labels("unknown").inc()
                raise
            known.until_s = self._now_s() + RETRY_S
            return self._told("outdated", known)
        self._known[service] = known
        self._known.move_to_end(service)
        if len(self._known) > MAX_SERVICES:
            self._known.popitem(last=False)
        return self._told("asked", known)

    async def _ask(self, service: str) -> bytes:
        """What the first collector says that answers, those first that took our spans last time."""
        target = f"/api/sampling?service={quote(service, safe='')}"
        trouble = ""
        for collector in sorted(self._collectors, key=lambda one: one.trouble is not None):
            try:
                answer = await collector.client.request("GET", target, {}, (), TIMEOUT_S)
            except OSError as exc:
                trouble = f"the collector at {collector.url} does not answer ({type(exc).__name__})"
                continue
            if answer.status == 200:
                return answer.body
            trouble = f"the collector at {collector.url} answers {answer.status}"
        raise UnknownError(trouble)

    def _told(self, how: str, known: _Known) -> bytes:
        self._counts.sampling.labels(how).inc()
        return known.strategy
