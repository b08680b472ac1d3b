"""Jaeger's doors: answers and statuses as its own collector has them."""

from collections.abc import AsyncIterator
from struct import pack
from typing import Any

import grpc
import pytest
from google.rpc.status_pb2 import Status

from spanloom_dialects.jaeger import to_proto
from spanloom_dialects.jaeger.model import Process, Span
from spanloom_dialects.jaeger.to_thrift import to_batches
from spanloom_dialects.thrift_wire import Encoding
from spanloom_model.wire import field
from spanloom_storage.errors import Overloaded, Unavailable
from tests.collector.inside import HttpDoor, Store, grpc_door, http_door
from tests.dialects import captured

POST_SPANS = "jaeger.api_v2.CollectorService/PostSpans"
STRATEGY = "jaeger.api_v2.SamplingManager/GetSamplingStrategy"
THRIFT = {"content-type": "application/x-thrift"}


def spans(*ids: int) -> list[Span]:
    """Spans with these ids; 0 is none."""
    return [
        Span(
            trace_id=one.to_bytes(16, "big"),
            span_id=one.to_bytes(8, "big"),
            operation_name=f"span {one}",
            process=Process("shop", []),
            flags=1,
            start_ns=1_000_000_000,
            duration_ns=1000,
        )
        for one in ids
    ]


def thrift(*ids: int) -> bytes:
    """A body over HTTP."""
    return to_batches(spans(*ids), Encoding.BINARY)[0]


def proto(*ids: int) -> bytes:
    """A PostSpansRequest."""
    return field(1, to_proto.to_batches(spans(*ids))[0])


@pytest.fixture
async def door() -> AsyncIterator[HttpDoor]:
    """Port 14268."""
    async with http_door("jaeger_http_listen", max_request_bytes=10_000) as door:
        yield door


@pytest.mark.parametrize("content_type", ["application/x-thrift", "application/vnd.apache.thrift.binary"])
async def test_thrift_is_stored_before_the_answer(door: HttpDoor, content_type: str) -> None:
    """What a Jaeger client sends to a collector; many append a format, which says nothing new."""
    answer = await door.post(
        "/api/traces?format=jaeger.thrift", captured.JAEGER_BATCH, {"content-type": content_type}
    )
    assert (answer.status_code, answer.content) == (202, b"")
    assert {one.name for one in door.store.stored} == {"GET /cart", "parent"}


@pytest.mark.parametrize(
    ("body", "headers", "status", "said"),
    [
        (b"x", {"content-type": "text/plain"}, 400, "Unsupported content type: text/plain"),
        (b"x", {}, 400, "Unsupported content type: "),
        (b"\x0b\x00\x01\x7f\xff\xff\xff", THRIFT, 400, "Unable to process request body: malformed Thrift"),
        (thrift(1)[:-9], THRIFT, 400, "Unable to process request body: malformed Thrift"),
        (
            b"no gzip",
            {**THRIFT, "content-encoding": "gzip"},
            400,
            "Unable to process request body: the body is not",
        ),
        (bytes(10_001), THRIFT, 413, "Unable to process request body: the request is larger than 10000"),
        (thrift(0), THRIFT, 400, "Unable to process request body: a span without a trace id"),
    ],
)
async def test_what_cannot_be_read_is_told_why(
    door: HttpDoor, body: bytes, headers: dict[str, str], status: int, said: str
) -> None:
    """The words are Jaeger's, the reason behind them is ours."""
    answer = await door.post("/api/traces", body, headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/plain; charset=utf-8")
    assert answer.text.startswith(said)
    assert door.store.stored == []


async def test_bad_span_costs_only_itself(door: HttpDoor) -> None:
    """The good one is stored, the answer tells of the bad one."""
    answer = await door.post("/api/traces", thrift(0, 7), THRIFT)
    assert (answer.status_code, answer.text) == (202, "a span without a trace id")
    assert [one.name for one in door.store.stored] == ["span 7"]
    metrics = await door.metrics()
    reason = 'door="jaeger-http",reason="a span without a trace id"'
    assert f"spanloom_collector_spans_rejected_total{{{reason}}} 1.0" in metrics
    assert 'spanloom_collector_requests_total{door="jaeger-http",outcome="partial"} 1.0' in metrics


@pytest.mark.parametrize("trouble", [Unavailable("the disk is full"), Overloaded("too much waits")])
async def test_trouble_is_told_as_jaeger_tells_it(door: HttpDoor, trouble: Exception) -> None:
    """A client that can try again is told when."""
    door.store.trouble = trouble
    answer = await door.post("/api/traces", thrift(1), THRIFT)
    assert (answer.status_code, answer.text) == (500, f"Cannot submit Jaeger batch: {trouble}")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("setting", ["jaeger_http_listen", "http_listen"])
async def test_strategy_of_a_service(setting: str) -> None:
    """Jaeger's remote samplers find their answer on both ports."""
    async with http_door(setting) as door:
        answer = await door.client.get("/api/sampling", params={"service": "shop"})
        assert answer.json() == {
            "strategyType": "PROBABILISTIC",
            "probabilisticSampling": {"samplingRate": 1},
        }
        for asked in ("", "?service=a&service=b"):
            answer = await door.client.get(f"/api/sampling{asked}")
            assert (answer.status_code, answer.text) == (400, "'service' parameter must be provided once\n")


async def test_batch_over_grpc_is_stored_before_the_answer() -> None:
    """What Jaeger's agents and collectors send."""
    async with grpc_door("jaeger_grpc_listen") as door:
        assert await door.call(POST_SPANS, proto(1, 2)) == b""
    assert [one.name for one in door.store.stored] == ["span 1", "span 2"]


async def test_bad_span_over_grpc_costs_only_itself() -> None:
    """The answer has no field for it, so a trailer tells it."""
    async with grpc_door("jaeger_grpc_listen") as door:
        call: Any = door.channel.unary_unary(f"/{POST_SPANS}")(proto(0, 7))  # type: ignore[arg-type]  # bytes pass as they are
        assert await call == b""
        assert ("spanloom-refused", "a span without a trace id") in list(await call.trailing_metadata())
    assert [one.name for one in door.store.stored] == ["span 7"]


@pytest.mark.parametrize(
    ("body", "trouble", "code", "retried"),
    [
        (b"\x0a\x05abc", None, grpc.StatusCode.INVALID_ARGUMENT, False),
        (proto(1), Overloaded("too much waits"), grpc.StatusCode.RESOURCE_EXHAUSTED, True),
        (proto(1), Unavailable("the disk is full"), grpc.StatusCode.UNAVAILABLE, True),
    ],
)
async def test_what_is_not_taken_over_grpc(
    body: bytes, trouble: Exception | None, code: grpc.StatusCode, *, retried: bool
) -> None:
    """A status, a reason, and whether to send it again."""
    async with grpc_door("jaeger_grpc_listen", Store(trouble=trouble)) as door:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await door.call(POST_SPANS, body)
        assert 'spanloom_collector_requests_total{door="jaeger-grpc",outcome=' in await door.metrics()
    assert failed.value.code() is code
    status = Status.FromString(bytes(dict(failed.value.trailing_metadata())["grpc-status-details-bin"]))
    assert bool(status.details) is retried


async def test_strategy_over_grpc() -> None:
    """Jaeger's agents ask in protobuf."""
    async with grpc_door("jaeger_grpc_listen") as door:
        assert await door.call(STRATEGY, field(1, b"shop")) == field(2, b"\x09" + pack("<d", 1.0))
