"""From the spool to the collector: messages put together, sent, and sent again until taken.

Two OTLP messages one after the other are one message, so putting together is concatenation. If
the collector refuses the result for good, halves are sent until the one bad datagram is found.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Sequence
from typing import Final

import httpx

from spanloom_agent.counts import Counts
from spanloom_agent.spool import Spool

FIRST_BACKOFF_S: Final = 0.25
MAX_BACKOFF_S: Final = 5.0

_REFUSED: Final = frozenset({400, 413, 500})
"""What is wrong with the request itself. All else may be over tomorrow: a proxy's 404, a restart's 503."""
_HEADERS: Final = {"Content-Type": "application/x-protobuf"}

_log = logging.getLogger(__name__)


class Forwarder:
    """Sends what the spool holds, oldest first, one request at a time."""

    def __init__(
        self,
        spool: Spool,
        collector: httpx.AsyncClient,
        counts: Counts,
        *,
        request_bytes: int,
        linger_s: float,
    ) -> None:
        self._spool = spool
        self._collector = collector
        self._counts = counts
        self._request_bytes = request_bytes
        self._linger_s = linger_s
        self._in_hand = 0
        self.trouble: str | None = None
        """Why nothing is being delivered just now, in one sentence."""

    @property
    def undelivered(self) -> int:
        """How many messages were taken from the network and not by the collector."""
        return self._in_hand + len(self._spool)

    async def run(self) -> None:
        """Forward until the spool is closed and empty."""
        while messages := await self._next():
            self._in_hand = len(messages)
            await self._deliver(messages)

    async def _next(self) -> list[bytes]:
        await self._spool.wait()
        if self._spool.size_bytes < self._request_bytes:
            await self._pause(self._linger_s)
        return self._spool.take(self._request_bytes)

    async def _deliver(self, messages: Sequence[bytes]) -> None:
        backoff_s = FIRST_BACKOFF_S
        while True:
            status, trouble, asked_s = await self._send(b"".join(messages))
            self._note(trouble)
            if trouble is None:
                break
            self._counts.requests.labels("retried").inc()
            # Spread, so that many agents do not come back in one moment.
            await self._pause(max(asked_s, backoff_s * random.uniform(0.5, 1)))  # noqa: S311  # no secret
            backoff_s = min(2 * backoff_s, MAX_BACKOFF_S)
        if status < 300:
            self._in_hand -= len(messages)
            self._counts.requests.labels("taken").inc()
        elif len(messages) == 1:
            self._in_hand -= 1
            self._counts.requests.labels("refused").inc()
            self._counts.datagrams_dropped.labels("refused").inc()
        else:
            self._counts.requests.labels("split").inc()
            middle = len(messages) // 2
            await self._deliver(messages[:middle])
            await self._deliver(messages[middle:])

    async def _send(self, request: bytes) -> tuple[int, str | None, float]:
        """(status, why to try again if so, seconds that the collector asks to wait)."""
        where = self._collector.base_url
        try:
            answer = await self._collector.post("/v1/traces", content=request, headers=_HEADERS)
        except httpx.HTTPError as exc:
            return 0, f"the collector at {where} does not answer ({type(exc).__name__})", 0
        status = answer.status_code
        if status < 300 or status in _REFUSED:
            return status, None, 0
        asked = answer.headers.get("retry-after", "")
        asked_s = min(float(asked), MAX_BACKOFF_S) if asked.isascii() and asked.isdecimal() else 0
        return status, f"the collector at {where} answers {status}", asked_s

    def _note(self, trouble: str | None) -> None:
        """Say once when delivery stops, and once when it goes on."""
        if trouble is not None and self.trouble is None:
            _log.warning("%s; spans are kept and sent again", trouble)
        elif trouble is None and self.trouble is not None:
            _log.warning("the collector takes spans again")
        self.trouble = trouble

    async def _pause(self, seconds: float) -> None:
        """Wait, but not when the end has come: then there may be no later."""
        if self._spool.closing.is_set():
            await asyncio.sleep(min(seconds, FIRST_BACKOFF_S))
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._spool.closing.wait(), seconds)
