"""Where all doors lead: one OTLP request in, the answer once its spans are stored."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from spanloom_collector.counts import Counts
from spanloom_storage import otlp
from spanloom_storage.batch import SpanBatch

Consume: TypeAlias = Callable[[SpanBatch], Awaitable[None]]
"""Take a batch or raise a StorageError. Having returned, the callee has made it durable."""


class Receiver:
    """Decodes requests, hands their spans on, and counts both."""

    def __init__(self, consume: Consume, counts: Counts) -> None:
        self._consume = consume
        self._counts = counts

    async def take(self, request: bytes, *, door: str) -> ExportTraceServiceResponse:
        """Store the spans of an ExportTraceServiceRequest; the answer says which of them were refused.

        Raises MalformedError for bytes that are none, and StorageError as storage does.
        """
        # Decoding lets go of the interpreter lock, so other requests are read meanwhile.
        decoded = await asyncio.to_thread(otlp.decode, request)
        if decoded.batch.num_rows:
            await self._consume(decoded.batch)
        self._counts.requests.labels(door, "partial" if decoded.rejected else "stored").inc()
        self._counts.request_bytes.labels(door).inc(len(request))
        self._counts.spans_stored.labels(door).inc(decoded.batch.num_rows)
        for reason, count in decoded.rejected.items():
            self._counts.spans_rejected.labels(door, reason).inc(count)
        return _response(decoded.rejected)


def _response(rejected: dict[str, int]) -> ExportTraceServiceResponse:
    if not rejected:
        return ExportTraceServiceResponse()
    return ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(
            rejected_spans=sum(rejected.values()),
            error_message="; ".join(f"{count} with {reason}" for reason, count in rejected.items()),
        )
    )
