"""Where all doors lead: one OTLP request in, the answer once its spans are stored."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeAlias

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from spanloom_collector.counts import Counts
from spanloom_storage import otlp
from spanloom_storage.batch import SpanBatch
from spanloom_storage.errors import StorageError

Consume: TypeAlias = Callable[[SpanBatch], Awaitable[None]]
"""Take a batch or raise a StorageError. Having returned, the callee has made it durable."""

DECODERS: Final = 2


class Receiver:
    """Decodes requests, hands their spans on, and counts both."""

    def __init__(self, consume: Consume, counts: Counts) -> None:
        self._consume = consume
        self._counts = counts
        # Threads of its own: whoever opens large traces in the same process must not hold up what arrives.
        self._decoders = ThreadPoolExecutor(DECODERS, "spanloom-decode")
        self.trouble: str | None = None
        """Why the last request could not be stored, in one sentence, until one can."""

    async def take(self, request: bytes, *, door: str) -> ExportTraceServiceResponse:
        """Store the spans of an ExportTraceServiceRequest; the answer says which of them were refused.

        Raises MalformedError for bytes that are none, and StorageError as storage does.
        """
        loop = asyncio.get_running_loop()
        decoded = await loop.run_in_executor(self._decoders, otlp.decode, request)
        if decoded.batch.num_rows:
            await self._store(decoded.batch)
        self._counts.requests.labels(door, "partial" if decoded.rejected else "stored").inc()
        self._counts.request_bytes.labels(door).inc(len(request))
        self._counts.spans_stored.labels(door).inc(decoded.batch.num_rows)
        for reason, count in decoded.rejected.items():
            self._counts.spans_rejected.labels(door, reason).inc(count)
        return _response(decoded.rejected)

    async def _store(self, batch: SpanBatch) -> None:
        try:
            await self._consume(batch)
        except StorageError as exc:
            self.trouble = str(exc)
            raise
        self.trouble = None


def _response(rejected: dict[str, int]) -> ExportTraceServiceResponse:
    if not rejected:
        return ExportTraceServiceResponse()
    return ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(
            rejected_spans=sum(rejected.values()),
            error_message="; ".join(f"{count} with {reason}" for reason, count in rejected.items()),
        )
    )
