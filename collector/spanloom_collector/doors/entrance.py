"""What all doors have in common: a share of the budget, and an answer for whatever goes wrong."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from spanloom_collector import compression
from spanloom_collector.budget import Budget, Share
from spanloom_collector.counts import Counts
from spanloom_collector.receiver import Receiver, Taken
from spanloom_collector.refusal import RETRY_AFTER_S, Refusal, TooLargeError, refusal_of
from spanloom_dialects.translated import Translated


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """What is behind each door."""

    receiver: Receiver
    counts: Counts
    budget: Budget
    max_request_bytes: int

    async def over_http(
        self,
        door: str,
        take: Callable[[Share], Awaitable[Response]],
        refuse: Callable[[Refusal, str], Response],
    ) -> Response:
        """The answer of *take*, or that of *refuse* where it raises."""
        try:
            with self.budget.share() as share:
                return await take(share)
        except ClientDisconnect:
            self.counts.requests.labels(door, "disconnected").inc()
            return Response(status_code=400)  # nobody reads it
        except Exception as exc:  # noqa: BLE001  # the table has a row for every one
            refusal, reason = refusal_of(exc)
            self.counts.requests.labels(door, refusal.outcome).inc()
            answer = refuse(refusal, reason)
            if refusal.retry:
                answer.headers["Retry-After"] = str(RETRY_AFTER_S)
            return answer

    async def body(self, request: Request, share: Share) -> bytes:
        """The request's body, decompressed.

        Raises TooLargeError, UnsupportedError, MalformedError, Overloaded and ClientDisconnect.
        """
        announced = request.headers.get("content-length", "")
        if announced.isascii() and announced.isdecimal() and int(announced) > self.max_request_bytes:
            raise TooLargeError(self.max_request_bytes)
        received = bytearray()
        async for chunk in request.stream():
            share.take(len(chunk))
            received += chunk
            if len(received) > self.max_request_bytes:
                raise TooLargeError(self.max_request_bytes)
        encoding = request.headers.get("content-encoding", "")
        if encoding in compression.NONE:
            return bytes(received)
        body = await self.receiver.apart(
            lambda body: compression.decompressed(body, encoding, limit_bytes=self.max_request_bytes),
            bytes(received),
        )
        share.take(len(body))
        return body

    async def translate(self, translate: Callable[[bytes], Translated], body: bytes, door: str) -> Taken:
        """Store the spans of a foreign body.

        Raises DialectError where it is none, and what `Receiver.take` does.
        """
        translated = await self.receiver.apart(translate, body)
        return await self.receiver.take(
            translated.request, door=door, refused=translated.rejected, says=translated.message
        )
