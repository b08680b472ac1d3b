"""Where all doors lead: one OTLP request in, the answer once its spans are stored."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias, TypeVar

from spanloom_collector.agent_headers import (
    HOST_RESOURCE,
    NO_AGENT,
    SPANS_LOST,
    FromAgent,
    additions_of,
    losses_of,
)
from spanloom_collector.counts import Counts
from spanloom_collector.refusal import TooLargeError
from spanloom_model.wire import MalformedError
from spanloom_storage import otlp
from spanloom_storage.batch import SpanRequest
from spanloom_storage.errors import StorageError
from spanloom_storage.limits import SpanLimits
from spanloom_storage.resources import with_attributes

Consume: TypeAlias = Callable[[SpanRequest], Awaitable[None]]
"""Take a request or raise a StorageError. Having returned, the callee has made it durable."""

T = TypeVar("T")

THREADS: Final = 2
SMALL_BYTES: Final = 2**16
"""What is checked in a tenth of a millisecond."""
READ_AT_ONCE_BYTES: Final = 2**14
"""What is translated or decompressed in half of one."""

NO_SPANS: Final[Mapping[str, int]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a request that was taken."""

    stored: int
    """Spans on the disk."""
    rejected: Mapping[str, int]
    """Spans that never will be, by reason."""
    message: str = ""
    """The same for the sender's log; empty where all is as it was sent."""


class Receiver:
    """Checks requests, hands their spans on, and counts both."""

    def __init__(
        self, consume: Consume, counts: Counts, *, max_request_spans: int, limits: SpanLimits
    ) -> None:
        self._consume = consume
        self._counts = counts
        self._max_request_spans = max_request_spans
        self._check = partial(otlp.checked, limits=limits)
        # Threads of its own: whoever opens large traces in the same process must not hold up what arrives.
        self._threads = ThreadPoolExecutor(THREADS, "spanloom-check")
        self.trouble: str | None = None
        """Why the last request could not be stored, in one sentence, until one can."""
        self.troubled_s = float("-inf")
        """When that was, by `time.monotonic`."""

    async def take(
        self,
        request: bytes,
        *,
        door: str,
        refused: Mapping[str, int] = NO_SPANS,
        says: str = "",
        agent: FromAgent = NO_AGENT,
    ) -> Taken:
        """Store the spans of an ExportTraceServiceRequest; the answer says which of them were refused.

        *refused* spans are not in it any more, and count as well; the answer *says* so. What an *agent* says
        of its host is added to resources. Raises MalformedError for bytes that are no such request,
        TooLargeError for too many spans, StorageError as storage does.
        """
        checked = await self.apart(self._check, request, at_once_bytes=SMALL_BYTES)
        if checked.request.span_count > self._max_request_spans:
            raise TooLargeError(self._max_request_spans, "spans")
        if checked.request.span_count:
            await self._store(self._placed(checked.request, agent.host_resource))
        rejected = Counter(refused) + Counter(checked.rejected)
        self._counts.requests.labels(door, "partial" if rejected else "stored").inc()
        self._counts.request_bytes.labels(door).inc(len(request))
        self._counts.spans_stored.labels(door).inc(checked.request.span_count)
        for reason, count in rejected.items():
            self._counts.spans_rejected.labels(door, reason).inc(count)
        for reason, count in checked.cut.items():
            self._counts.attributes_cut.labels(door, reason).inc(count)
        self._hear_losses(agent.spans_lost)
        told = [says, *(f"{count} with {reason}" for reason, count in checked.rejected.items())]
        told += [f"{count} × {reason}" for reason, count in checked.cut.items()]
        return Taken(
            stored=checked.request.span_count, rejected=rejected, message="; ".join(filter(None, told))
        )

    async def apart(
        self, work: Callable[[bytes], T], body: bytes, *, at_once_bytes: int = READ_AT_ONCE_BYTES
    ) -> T:
        """What *work* makes of a body, in a thread unless it is small: a thread costs more than that."""
        if len(body) <= at_once_bytes:
            return work(body)
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(work, body))

    def _placed(self, request: SpanRequest, host_resource: str) -> SpanRequest:
        """The request with what is known of the host that it comes from."""
        if not host_resource:
            return request
        try:
            additions = additions_of(host_resource)
        except MalformedError:
            self._counts.agent_headers_ignored.labels(HOST_RESOURCE, "malformed").inc()
            return request
        data = request.data if additions is None else with_attributes(request.data, additions)
        if data is None:
            self._counts.agent_headers_ignored.labels(HOST_RESOURCE, "too_large").inc()
            return request
        return SpanRequest(data, request.span_count)

    def _hear_losses(self, header: str) -> None:
        """Add up what agents tell; they tell it again where the request was not taken."""
        try:
            for service, count in losses_of(header).items():
                self._counts.lose_before_agent(service, count)
        except MalformedError:
            self._counts.agent_headers_ignored.labels(SPANS_LOST, "malformed").inc()

    async def _store(self, request: SpanRequest) -> None:
        try:
            await self._consume(request)
        except StorageError as exc:
            self.trouble, self.troubled_s = str(exc), time.monotonic()
            raise
        self.trouble = None
