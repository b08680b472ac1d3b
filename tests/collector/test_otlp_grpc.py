"""OTLP over gRPC, byte by byte and by status."""

import asyncio
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from spanloom_model.errors import MisconfiguredError
from spanloom_storage.errors import Overloaded, Unavailable
from spanloom_storage.testing.requests import request_of
from spanloom_storage.testing.samples import RICH_SPAN, span
from tests.collector.inside import Store, grpc_door

SETTING = "grpc_listen"
EXPORT = "opentelemetry.proto.collector.trace.v1.TraceService/Export"
LIMIT_BYTES = 100_000


async def test_spans_are_stored_before_the_answer() -> None:
    """An exporter whose call returns may forget its spans."""
    async with grpc_door(SETTING) as door:
        answer = await door.call(EXPORT, request_of([RICH_SPAN]))
    assert ExportTraceServiceResponse.FromString(answer) == ExportTraceServiceResponse()
    assert door.store.stored == [RICH_SPAN]


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
async def test_compressed_requests_are_read(compression: grpc.Compression) -> None:
    """Exporters that save bandwidth need no setting here."""
    async with grpc_door(SETTING) as door:
        await door.call(EXPORT, request_of([RICH_SPAN]), compression=compression)
    assert door.store.stored == [RICH_SPAN]


async def test_malformed_request_is_told_why() -> None:
    """A client's author reads the mistake in the status."""
    async with grpc_door(SETTING) as door:
        with pytest.raises(grpc.aio.AioRpcError, match="a field runs past the end") as failed:
            await door.call(EXPORT, b"\x0a\x05abc")
        assert 'door="otlp-grpc",outcome="malformed"} 1.0' in await door.metrics()
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def retry_info(error: grpc.aio.AioRpcError) -> RetryInfo:
    """What the answer says of trying again."""
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    retry = RetryInfo()
    assert Status.FromString(bytes(details)).details[0].Unpack(retry)
    return retry


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (Unavailable("the disk is full"), grpc.StatusCode.UNAVAILABLE),
        (Overloaded("too much waits"), grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
)
async def test_trouble_that_passes_carries_retry_info(trouble: Exception, code: grpc.StatusCode) -> None:
    """Exporters try again only when OTLP's RetryInfo is there, and wait as it says."""
    async with grpc_door(SETTING, Store(trouble=trouble)) as door:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await door.call(EXPORT, request_of([span()]))
    assert failed.value.code() is code
    assert retry_info(failed.value).retry_delay.seconds == 1


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
async def test_request_over_the_limit_is_refused(compression: grpc.Compression) -> None:
    """One sender cannot fill the collector's memory, nor with a little that becomes much."""
    async with grpc_door(SETTING, max_request_bytes=LIMIT_BYTES) as door:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await door.call(EXPORT, bytes(100 * LIMIT_BYTES), compression=compression)
        await door.call(EXPORT, request_of([span()]))
        assert 'door="otlp-grpc",outcome="incomplete"} 1.0' in await door.metrics()
    assert failed.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_large_metadata_is_refused() -> None:
    """So much for whoever sends novels in headers."""
    async with grpc_door(SETTING, max_header_bytes=2**10) as door:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await door.call(EXPORT, b"", metadata=(("novel", "x" * 2**12),))
        await door.call(EXPORT, request_of([span()]))
    assert failed.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_connections_are_bounded() -> None:
    """The one too many is closed, the others go on."""
    alone = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc_door(SETTING, max_connections=1) as door:
        await door.call(EXPORT, request_of([span()]))
        async with grpc.aio.insecure_channel(door.address, options=alone) as other:
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await other.unary_unary(f"/{EXPORT}")(b"")  # type: ignore[arg-type]  # bytes pass as they are
        await door.call(EXPORT, request_of([span()]))
    assert failed.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_call_without_a_request_is_told_so() -> None:
    """A stream that says nothing is not waited for, and no crash."""
    async with grpc_door(SETTING) as door:
        call: Any = door.channel.stream_unary(f"/{EXPORT}")()
        await call.done_writing()
        with pytest.raises(grpc.aio.AioRpcError, match="no whole request came") as failed:
            await call
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_requests_in_progress_are_bounded() -> None:
    """While all places to read at are taken, others are asked to come back."""
    async with grpc_door(SETTING, max_request_bytes=1000, max_pending_bytes=1000, idle_s=0.4) as door:
        silent: Any = door.channel.stream_unary(f"/{EXPORT}")()
        await silent.wait_for_connection()
        await asyncio.sleep(0.1)
        again: Any = door.channel.stream_unary(f"/{EXPORT}")()
        with pytest.raises(grpc.aio.AioRpcError, match="too many requests") as failed:
            await again
        silent.cancel()
        await asyncio.sleep(0.1)
        await door.call(EXPORT, request_of([span()]))
    assert failed.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert retry_info(failed.value).retry_delay.seconds == 1


async def test_sender_that_does_not_come_to_an_end_is_not_waited_for() -> None:
    """Others want to be read, too."""
    async with grpc_door(SETTING, idle_s=0.1) as door:
        with pytest.raises(grpc.aio.AioRpcError, match="does not come to an end"):
            await door.channel.stream_unary(f"/{EXPORT}")()


async def test_requests_in_storage_count_as_in_progress() -> None:
    """What waits for the disk is bounded, too."""
    store = Store()
    store.disk.clear()
    body = request_of([span()])
    async with grpc_door(SETTING, store, max_pending_bytes=len(body) + 1) as door:
        first = asyncio.create_task(door.call(EXPORT, body))
        await asyncio.sleep(0.1)
        with pytest.raises(grpc.aio.AioRpcError, match="too many requests"):
            await door.call(EXPORT, body)
        store.disk.set()
        await first


async def test_port_in_use_is_one_sentence() -> None:
    """Two collectors on one port: the second says so instead of sharing it in silence."""
    async with grpc_door(SETTING) as door:
        with pytest.raises(MisconfiguredError, match=f"TCP {door.address} is in use by another program"):
            async with grpc_door(SETTING, grpc_listen=door.address):
                pass
