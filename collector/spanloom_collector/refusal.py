"""What a sender is told when its request is not taken: one table for all doors.

OTLP: opentelemetry.io/docs/specs/otlp/#failures and #otlphttp-response. Jaeger's collector over HTTP says
whether it could not read or not store, in cmd/collector/app/handler/http_thrift_handler.go of its version 1.
Zipkin says what is wrong with a body in its own words, and nothing of the rest.
"""

import logging
from dataclasses import dataclass
from typing import Final

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from spanloom_dialects.errors import DialectError
from spanloom_model.wire import MalformedError, TooManySpansError
from spanloom_storage.errors import Overloaded, Unavailable

_log = logging.getLogger(__name__)

RETRY_AFTER_S: Final = 1
"""What a refused sender is told to wait at least; senders add their own back-off."""

UNREADABLE: Final = "Unable to process request body: "
"""What Jaeger says before why it could not read."""
UNSTORABLE: Final = "Cannot submit Jaeger batch: "
"""What it says before why it could not store."""


class TooLargeError(Exception):
    """The request is larger than the collector takes."""

    def __init__(self, limit: int, of: str = "bytes") -> None:
        super().__init__(f"the request is larger than {limit} {of}")


class IncompleteError(Exception):
    """The sender has ended the request, or the connection, before its end."""


class UnsupportedError(Exception):
    """The request is of a kind that this door does not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One way not to take a request."""

    outcome: str
    """As the metric of requests calls it."""
    http_status: int
    """OTLP's, and Zipkin's."""
    jaeger: tuple[int, str]
    """Jaeger's status over HTTP, and what stands before the reason."""
    grpc_code: grpc.StatusCode
    retry: bool = False
    """Whether the sender should send the same again."""

    def status(self, reason: str) -> Status:
        """The body of OTLP's answer, with its RetryInfo where it is worth trying again."""
        status = Status(code=self.grpc_code.value[0], message=reason)
        if self.retry:
            detail = AnyMessage()
            detail.Pack(RetryInfo(retry_delay=Duration(seconds=RETRY_AFTER_S)))
            status.details.append(detail)
        return status


_MALFORMED: Final = Refusal(
    outcome="malformed",
    http_status=400,
    jaeger=(400, UNREADABLE),
    grpc_code=grpc.StatusCode.INVALID_ARGUMENT,
)
_TOO_LARGE: Final = Refusal(
    outcome="too_large",
    http_status=413,
    jaeger=(413, UNREADABLE),
    grpc_code=grpc.StatusCode.INVALID_ARGUMENT,
)

REFUSALS: Final[dict[type[Exception], Refusal]] = {
    MalformedError: _MALFORMED,
    DialectError: _MALFORMED,
    UnsupportedError: Refusal(
        outcome="unsupported",
        http_status=415,
        jaeger=(400, ""),
        grpc_code=grpc.StatusCode.INVALID_ARGUMENT,
    ),
    TooLargeError: _TOO_LARGE,
    TooManySpansError: _TOO_LARGE,
    IncompleteError: Refusal(
        outcome="incomplete",
        http_status=400,
        jaeger=(400, UNREADABLE),
        grpc_code=grpc.StatusCode.INVALID_ARGUMENT,
    ),
    Overloaded: Refusal(
        outcome="overloaded",
        http_status=429,
        jaeger=(500, UNSTORABLE),
        grpc_code=grpc.StatusCode.RESOURCE_EXHAUSTED,
        retry=True,
    ),
    Unavailable: Refusal(
        outcome="unavailable",
        http_status=503,
        jaeger=(500, UNSTORABLE),
        grpc_code=grpc.StatusCode.UNAVAILABLE,
        retry=True,
    ),
    # Our own mistake; OTLP has it that the sender does not repeat the same.
    Exception: Refusal(
        outcome="failed",
        http_status=500,
        jaeger=(500, UNSTORABLE),
        grpc_code=grpc.StatusCode.INTERNAL,
    ),
}


def refusal_of(exc: Exception) -> tuple[Refusal, str]:
    """The row of the table for an exception, and the reason to tell; what nobody foresaw is logged."""
    refusal = next(REFUSALS[kind] for kind in type(exc).__mro__ if kind in REFUSALS)
    if refusal is REFUSALS[Exception]:
        _log.error("a request failed", exc_info=exc)
        return refusal, "the collector failed; its log says why"
    return refusal, str(exc)
