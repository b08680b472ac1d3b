"""What a sender is told when its request is not taken: one table for all doors.

Status codes: opentelemetry.io/docs/specs/otlp/#failures and #otlphttp-response.
"""

import logging
from dataclasses import dataclass
from typing import Final

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from spanloom_model.wire import MalformedError
from spanloom_storage.errors import Overloaded, Unavailable

_log = logging.getLogger(__name__)

RETRY_AFTER_S: Final = 1
"""What a refused sender is told to wait at least; senders add their own back-off."""


class TooLargeError(Exception):
    """The request is larger than the collector takes."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"the request is larger than {limit_bytes} bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One way not to take a request."""

    outcome: str
    """As the metric of requests calls it."""
    http_status: int
    grpc_code: grpc.StatusCode
    retry: bool
    """Whether the sender should send the same again."""

    def status(self, reason: str) -> Status:
        """The body of the answer, with OTLP's RetryInfo where it is worth trying again."""
        status = Status(code=self.grpc_code.value[0], message=reason)
        if self.retry:
            detail = AnyMessage()
            detail.Pack(RetryInfo(retry_delay=Duration(seconds=RETRY_AFTER_S)))
            status.details.append(detail)
        return status


class UnsupportedError(Exception):
    """The request is of a kind that this door does not read."""


REFUSALS: Final[dict[type[Exception], Refusal]] = {
    MalformedError: Refusal(
        outcome="malformed", http_status=400, grpc_code=grpc.StatusCode.INVALID_ARGUMENT, retry=False
    ),
    UnsupportedError: Refusal(
        outcome="unsupported", http_status=415, grpc_code=grpc.StatusCode.INVALID_ARGUMENT, retry=False
    ),
    TooLargeError: Refusal(
        outcome="too_large", http_status=413, grpc_code=grpc.StatusCode.INVALID_ARGUMENT, retry=False
    ),
    Overloaded: Refusal(
        outcome="overloaded", http_status=429, grpc_code=grpc.StatusCode.RESOURCE_EXHAUSTED, retry=True
    ),
    Unavailable: Refusal(
        outcome="unavailable", http_status=503, grpc_code=grpc.StatusCode.UNAVAILABLE, retry=True
    ),
    # Our own mistake; OTLP has it that the sender does not repeat the same.
    Exception: Refusal(outcome="failed", http_status=500, grpc_code=grpc.StatusCode.INTERNAL, retry=False),
}


def refusal_of(exc: Exception) -> tuple[Refusal, str]:
    """The row of the table for an exception, and the reason to tell; what nobody foresaw is logged."""
    refusal = next(REFUSALS[kind] for kind in type(exc).__mro__ if kind in REFUSALS)
    if refusal is REFUSALS[Exception]:
        _log.error("a request failed", exc_info=exc)
        return refusal, "the collector failed; its log says why"
    return refusal, str(exc)
