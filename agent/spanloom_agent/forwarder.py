"""From the spool to the collectors: batches sent, and sent again until taken.

Each collector is served by tasks of its own, which wait in one line for what comes next: so they
have turns where all work, the faster ones more of them where there is much to do, and one that
fails is left out for as long as its task waits. If a collector refuses a batch for good, halves
are sent until the one bad datagram is found.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from typing import Final

from spanloom_agent import losses
from spanloom_agent.batch import Batch
from spanloom_agent.collectors import FIRST_BACKOFF_S, MAX_BACKOFF_S, Collector
from spanloom_agent.counts import Counts
from spanloom_agent.losses import Losses
from spanloom_agent.spool import Spool

REQUEST_TIMEOUT_S: Final = 10.0
IN_FLIGHT: Final = 2
"""Requests at once to each collector: it works on one while the other is on its way."""

_REFUSED: Final = frozenset({400, 413, 500})
"""What is wrong with the request itself. All else may be over tomorrow: a proxy's 404, a restart's 503."""

_log = logging.getLogger(__name__)


class Forwarder:
    """Sends what the spool holds."""

    def __init__(
        self, spool: Spool, collectors: Sequence[Collector], counts: Counts, headers: Mapping[str, str]
    ) -> None:
        self._losses = Losses(counts.services)
        self._spool = spool
        self._collectors = collectors
        self._counts = counts
        self._headers = {"Content-Type": "application/x-protobuf", **headers}

    @property
    def trouble(self) -> str | None:
        """What keeps spans from being delivered, or part of them, just now."""
        return "; ".join(filter(None, (one.trouble for one in self._collectors))) or None

    async def run(self) -> None:
        """Forward until the spool is closed and its memory empty."""
        async with asyncio.TaskGroup() as serving:
            for _ in range(IN_FLIGHT):
                for collector in self._collectors:
                    serving.create_task(self._serve(collector))

    async def _serve(self, collector: Collector) -> None:
        while (batch := await self._spool.take()) is not None:
            settled, pause_s = 0, 0.0
            try:
                settled, pause_s = await self._deliver(collector, batch)
            finally:
                await self._spool.settle(batch, settled)
                del batch  # else it would be held until the next one comes
            if pause_s:
                await self._pause(pause_s)

    async def _deliver(self, collector: Collector, batch: Batch) -> tuple[int, float]:
        """(how many messages are done with, from the first on; how long to leave the collector alone)."""
        status, trouble, asked_s = await self._send(collector, batch)
        if trouble is not None:
            self._count(collector, "retried")
            return 0, self._fails(collector, trouble, asked_s)
        self._works(collector)
        if status < 300:
            self._count(collector, "taken")
            return len(batch), 0
        if len(batch) == 1:
            self._count(collector, "refused")
            self._counts.drop("refused", 1, batch.span_count)
            return 1, 0
        self._count(collector, "split")
        first, second = batch.halves()
        settled, pause_s = await self._deliver(collector, first)
        if settled == len(first):
            more, pause_s = await self._deliver(collector, second)
            settled += more
        return settled, pause_s

    async def _send(self, collector: Collector, batch: Batch) -> tuple[int, str | None, float]:
        """(status, why to try again if so, seconds that the collector asks to wait)."""
        lost = self._losses.to_tell()
        headers = {**self._headers, **losses.header(lost)}
        try:
            answer = await collector.client.request(
                "POST", "/v1/traces", headers, batch.pieces, REQUEST_TIMEOUT_S
            )
        except OSError as exc:
            self._losses.untold(lost)
            return 0, f"the collector at {collector.url} does not answer ({type(exc).__name__})", 0
        status = answer.status
        if status < 300:
            return status, None, 0
        self._losses.untold(lost)
        if status in _REFUSED:
            return status, None, 0
        asked = answer.headers.get("retry-after", "")
        asked_s = min(float(asked), MAX_BACKOFF_S) if asked.isascii() and asked.isdecimal() else 0
        return status, f"the collector at {collector.url} answers {status}", asked_s

    def _count(self, collector: Collector, outcome: str) -> None:
        self._counts.requests.labels(collector.url, outcome).inc()

    def _fails(self, collector: Collector, trouble: str, asked_s: float) -> float:
        """Say once when delivery stops."""
        if collector.trouble is None:
            _log.warning("%s; spans are kept and sent again", trouble)
        pause_s = collector.fails(trouble, asked_s)
        self._spool.away(away=all(one.trouble for one in self._collectors))
        return pause_s

    def _works(self, collector: Collector) -> None:
        """Say once when it goes on."""
        if collector.trouble is not None:
            _log.warning("the collector at %s takes spans again", collector.url)
            collector.works()
            self._spool.away(away=False)

    async def _pause(self, seconds: float) -> None:
        """Wait, but not when the end has come: then there may be no later."""
        if self._spool.closing.is_set():
            await asyncio.sleep(min(seconds, FIRST_BACKOFF_S))
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._spool.closing.wait(), seconds)
