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
from spanloom_storage.batch import SpanRequest
from spanloom_storage.errors import StorageError

Consume: TypeAlias = Callable[[SpanRequest], Awaitable[None]]
"""Take a request or raise a StorageError. Having returned, the callee has made it durable."""

CHECKERS: Final = 2
SMALL_BYTES: Final = 2**16
"""What is checked in a tenth of a millisecond."""


class Receiver:
    """Checks requests, hands their spans on, and counts both."""

    def __init__(self, consume: Consume, counts: Counts) -> None:
        self._consume = consume
        self._counts = counts
        # Threads of its own: whoever opens large traces in the same process must not hold up what arrives.
        self._checkers = ThreadPoolExecutor(CHECKERS, "spanloom-check")
        self.trouble: str | None = None
        """Why the last request could not be stored, in one sentence, until one can."""

    async def take(self, request: bytes, *, door: str) -> ExportTraceServiceResponse:
        """Store the spans of an ExportTraceServiceRequest; the answer says which of them were refused.

        Raises MalformedError for bytes that are none, and StorageError as storage does.
        """
        checked = await self._checked(request)
        if checked.request.span_count:
            await self._store(checked.request)
        self._counts.requests.labels(door, "partial" if checked.rejected else "stored").inc()
        self._counts.request_bytes.labels(door).inc(len(request))
        self._counts.spans_stored.labels(door).inc(checked.request.span_count)
        for reason, count in checked.rejected.items():
            self._counts.spans_rejected.labels(door, reason).inc(count)
        return _response(checked.rejected)

    async def _checked(self, request: bytes) -> otlp.Checked:
        """Small requests here, since a thread costs more than they do."""
        if len(request) <= SMALL_BYTES:
            return otlp.checked(request)
        return await asyncio.get_running_loop().run_in_executor(self._checkers, otlp.checked, request)

    async def _store(self, request: SpanRequest) -> None:
        try:
            await self._consume(request)
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
