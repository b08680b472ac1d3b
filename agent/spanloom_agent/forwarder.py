"""From the spool to the collector: messages put together, sent, and sent again until taken.

Two OTLP messages one after the other are one message, so putting together is concatenation. If
the collector calls the result malformed, halves are sent until the one bad datagram is found.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Final

import httpx

from spanloom_agent.counts import Counts
from spanloom_agent.spool import Spool

FIRST_BACKOFF_S: Final = 0.25
MAX_BACKOFF_S: Final = 10.0

_RETRY: Final = frozenset({408, 429, 500, 502, 503, 504})
_HEADERS: Final = {"Content-Type": "application/x-protobuf"}


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

    async def run(self) -> None:
        """Forward until the spool is closed and empty."""
        while messages := await self._next():
            await self._deliver(messages)

    async def _next(self) -> list[bytes]:
        await self._spool.wait()
        if self._spool.size_bytes < self._request_bytes and not self._spool.closed:
            await asyncio.sleep(self._linger_s)
        return self._spool.take(self._request_bytes)

    async def _deliver(self, messages: Sequence[bytes]) -> None:
        backoff_s = FIRST_BACKOFF_S
        while True:
            status, asked_s = await self._send(b"".join(messages))
            if status is not None and status not in _RETRY:
                break
            self._counts.requests.labels("retried").inc()
            # Spread, so that many agents do not come back in one moment.
            await asyncio.sleep(max(asked_s, backoff_s * random.uniform(0.5, 1)))  # noqa: S311  # no secret
            backoff_s = min(2 * backoff_s, MAX_BACKOFF_S)
        if status < 300:
            self._counts.requests.labels("taken").inc()
        elif len(messages) == 1:
            self._counts.requests.labels("refused").inc()
            self._counts.datagrams_dropped.labels("refused").inc()
        else:
            self._counts.requests.labels("split").inc()
            middle = len(messages) // 2
            await self._deliver(messages[:middle])
            await self._deliver(messages[middle:])

    async def _send(self, request: bytes) -> tuple[int | None, float]:
        """(HTTP status, or None where there was no answer; seconds that the collector asks to wait)."""
        try:
            answer = await self._collector.post("/v1/traces", content=request, headers=_HEADERS)
        except httpx.HTTPError:
            return None, 0
        asked = answer.headers.get("retry-after", "")
        return answer.status_code, min(float(asked), MAX_BACKOFF_S) if asked.isdecimal() else 0
