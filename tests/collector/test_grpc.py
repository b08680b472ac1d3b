"""OTLP over gRPC, byte by byte and by status."""

from dataclasses import replace

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from spanloom_collector.budget import Budget
from spanloom_collector.counts import Counts
from spanloom_collector.grpc_server import running_grpc
from spanloom_collector.receiver import Receiver
from spanloom_collector.settings import CollectorSettings
from spanloom_model.errors import MisconfiguredError
from spanloom_model.span import Span
from spanloom_storage import otlp
from spanloom_storage.batch import SpanRequest
from spanloom_storage.errors import Overloaded, Unavailable
from spanloom_storage.spans import spans_of
from spanloom_storage.testing.requests import request_of
from spanloom_storage.testing.samples import RICH_SPAN, span

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
LIMIT_BYTES = 100_000


async def export(body: bytes, *, trouble: Exception | None = None) -> tuple[bytes, list[Span]]:
    """Send one request to a server of its own; the answer, and what was stored."""
    stored: list[Span] = []

    async def consume(request: SpanRequest) -> None:
        if trouble is not None:
            raise trouble
        stored.extend(spans_of(otlp.decoded(request)))

    counts = Counts()
    settings = CollectorSettings(grpc_listen="127.0.0.1:0", max_request_bytes=LIMIT_BYTES)
    server = running_grpc(Receiver(consume, counts), counts, Budget(LIMIT_BYTES), settings)
    async with server as where, grpc.aio.insecure_channel(where) as channel:
        return await channel.unary_unary(EXPORT)(body), stored  # type: ignore[arg-type]  # bytes pass as they are


async def test_spans_are_stored_before_the_answer() -> None:
    """An exporter whose call returns may forget its spans."""
    answer, stored = await export(request_of([RICH_SPAN]))
    assert ExportTraceServiceResponse.FromString(answer) == ExportTraceServiceResponse()
    assert stored == [RICH_SPAN]


async def test_malformed_request_is_told_why() -> None:
    """A client's author reads the mistake in the status."""
    with pytest.raises(grpc.aio.AioRpcError, match="a field runs past the end") as failed:
        await export(b"\x0a\x05abc")
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (Unavailable("the disk is full"), grpc.StatusCode.UNAVAILABLE),
        (Overloaded("too much waits"), grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
)
async def test_trouble_that_passes_carries_retry_info(trouble: Exception, code: grpc.StatusCode) -> None:
    """Exporters try again only when OTLP's RetryInfo is there, and wait as it says."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await export(request_of([span()]), trouble=trouble)
    assert failed.value.code() is code
    details = dict(failed.value.trailing_metadata())["grpc-status-details-bin"]
    retry = RetryInfo()
    assert Status.FromString(bytes(details)).details[0].Unpack(retry)
    assert retry.retry_delay.seconds == 1


async def test_request_over_the_limit_is_refused() -> None:
    """One sender cannot fill the collector's memory."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await export(bytes(LIMIT_BYTES + 1))
    assert failed.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_port_in_use_is_one_sentence() -> None:
    """Two collectors on one port: the second says so instead of sharing it in silence."""
    counts = Counts()

    async def consume(_: SpanRequest) -> None:
        pytest.fail("nothing is sent")

    receiver = Receiver(consume, counts)
    anywhere = CollectorSettings(grpc_listen="127.0.0.1:0")
    async with running_grpc(receiver, counts, Budget(1), anywhere) as where:
        with pytest.raises(MisconfiguredError, match=f"TCP {where} is in use by another program"):
            async with running_grpc(receiver, counts, Budget(1), replace(anywhere, grpc_listen=where)):
                pass
