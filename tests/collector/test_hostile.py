"""Mutated requests at every door: an answer, a count, no crash, no hang, little memory."""

import asyncio
import gzip
import re
import resource
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

import grpc
import pytest
from backports import zstd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanloom_storage import otlp_json
from spanloom_storage.testing.requests import request_of
from spanloom_storage.testing.samples import RICH_SPAN, span
from tests.collector.inside import GrpcDoor, HttpDoor, grpc_door, http_door
from tests.collector.test_jaeger import POST_SPANS, proto
from tests.collector.test_otlp_grpc import EXPORT
from tests.dialects import captured
from tests.dialects.test_hostile import damaged
from tests.dialects.test_zipkin_v1 import thrift_list, thrift_span

thorough = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))

MOST_S: Final = 2.0
MOST_KB: Final = 150_000
"""What hundreds of requests, one after the other, may add to the most memory that the process has had."""

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
THRIFT: Final = "application/x-thrift"
OTLP: Final = request_of([RICH_SPAN, span(2, 2)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way in, and a request that is fine."""

    setting: str
    path: str
    content_type: str
    body: bytes
    answers: frozenset[int]
    """The statuses that its protocol has for what is good and what is not."""


OTLP_ANSWERS: Final = frozenset({200, 400, 413, 415})
FOREIGN_ANSWERS: Final = frozenset({202, 400, 413, 415})
WAYS: Final = {
    "otlp protobuf": Way(
        setting="http_listen", path="/v1/traces", content_type=PROTOBUF, body=OTLP, answers=OTLP_ANSWERS
    ),
    "otlp json": Way(
        setting="http_listen",
        path="/v1/traces",
        content_type=JSON,
        body=otlp_json.from_protobuf(OTLP),
        answers=OTLP_ANSWERS,
    ),
    "jaeger thrift": Way(
        setting="jaeger_http_listen",
        path="/api/traces",
        content_type=THRIFT,
        body=captured.JAEGER_BATCH,
        answers=FOREIGN_ANSWERS,
    ),
    **{
        name: Way(setting="zipkin_listen", path=path, content_type=kind, body=body, answers=FOREIGN_ANSWERS)
        for name, path, kind, body in (
            ("zipkin json", "/api/v2/spans", JSON, captured.ZIPKIN_V2_JSON),
            ("zipkin protobuf", "/api/v2/spans", PROTOBUF, captured.ZIPKIN_PROTO),
            ("zipkin v1 json", "/api/v1/spans", JSON, captured.ZIPKIN_V1_JSON),
            ("zipkin v1 thrift", "/api/v1/spans", THRIFT, thrift_list(thrift_span(), thrift_span())),
        )
    },
}
ENCODINGS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "": bytes,
    "gzip": gzip.compress,
    "zstd": zstd.compress,
}


def counted(metrics: str, name: str) -> float:
    """What a counter says, over all its labels."""
    return sum(
        map(float, re.findall(rf"^spanloom_collector_{name}_total{{.*}} (\S+)$", metrics, re.MULTILINE))
    )


@st.composite
def sent(draw: st.DrawFn, body: bytes) -> tuple[bytes, dict[str, str]]:
    """A body damaged before or after it is compressed, and what is said of its encoding."""
    name = draw(st.sampled_from(sorted(ENCODINGS)))
    if draw(st.booleans()):
        data = ENCODINGS[name](draw(damaged(body)))
    else:
        data = draw(damaged(ENCODINGS[name](body)))
    return data, {"content-encoding": name} if name else {}


async def answered(door: HttpDoor, way: Way, body: bytes, headers: dict[str, str]) -> None:
    """One request has one answer of its protocol, soon, and is counted once, as are its spans."""
    before, stored_before = await door.metrics(), len(door.store.stored)
    began = time.monotonic()
    answer = await door.post(way.path, body, {"content-type": way.content_type, **headers})
    assert time.monotonic() - began < MOST_S
    assert answer.status_code in way.answers, answer.text
    after = await door.metrics()
    assert counted(after, "requests") == counted(before, "requests") + 1
    stored = counted(after, "spans_stored") - counted(before, "spans_stored")
    assert stored == len(door.store.stored) - stored_before
    rejected = counted(after, "spans_rejected") - counted(before, "spans_rejected")
    if answer.status_code == 400 and rejected:
        assert stored == 0


@pytest.mark.parametrize("name", WAYS)
def test_damaged_requests_over_http(name: str) -> None:
    """A broken client gets an answer, and nobody else notices."""
    way = WAYS[name]
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        door = runner.run(stack.enter_async_context(http_door(way.setting, max_request_bytes=100_000)))
        runner.run(answered(door, way, way.body, {}))
        assert door.store.stored
        before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        @thorough
        @given(sent(way.body))
        def send(made: tuple[bytes, dict[str, str]]) -> None:
            runner.run(answered(door, way, *made))

        send()
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < MOST_KB
        runner.run(stack.aclose())


@pytest.mark.parametrize(
    ("setting", "method", "body"),
    [("grpc_listen", EXPORT, OTLP), ("jaeger_grpc_listen", POST_SPANS, proto(1, 2))],
)
def test_damaged_requests_over_grpc(setting: str, method: str, body: bytes) -> None:
    """The same over gRPC."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        door = runner.run(stack.enter_async_context(grpc_door(setting, max_request_bytes=100_000)))

        @thorough
        @given(damaged(body), st.sampled_from(grpc.Compression))
        def send(made: bytes, compression: grpc.Compression) -> None:
            runner.run(called(door, method, made, compression))

        send()
        stored_before = len(door.store.stored)
        runner.run(called(door, method, body, grpc.Compression.NoCompression))
        assert len(door.store.stored) == stored_before + 2
        runner.run(stack.aclose())


async def called(door: GrpcDoor, method: str, body: bytes, compression: grpc.Compression) -> None:
    """One call has one answer, soon, and is counted once."""
    before = counted(await door.metrics(), "requests")
    began = time.monotonic()
    try:
        await door.call(method, body, compression=compression)
    except grpc.aio.AioRpcError as exc:
        assert exc.code() is grpc.StatusCode.INVALID_ARGUMENT, exc  # noqa: PT017  # both ways are fine
    assert time.monotonic() - began < MOST_S
    assert counted(await door.metrics(), "requests") == before + 1


@pytest.mark.parametrize("setting", ["grpc_listen", "jaeger_grpc_listen"])
def test_nonsense_on_a_port_of_grpc(setting: str) -> None:
    """What is no HTTP/2 at all, or stops to be, ends its connection and no other."""
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")
    method, body = (EXPORT, OTLP) if setting == "grpc_listen" else (POST_SPANS, proto(1))
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        door = runner.run(stack.enter_async_context(grpc_door(setting)))

        @settings(thorough, max_examples=50)
        @given(
            st.one_of(st.binary(max_size=200), damaged(preface), st.binary(max_size=200).map(preface.__add__))
        )
        def send(made: bytes) -> None:
            runner.run(spoken(door.address, made))

        send()
        runner.run(called(door, method, body, grpc.Compression.NoCompression))
        assert door.store.stored
        runner.run(stack.aclose())


async def spoken(where: str, data: bytes) -> None:
    """A connection that says this and goes."""
    host, _, port = where.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(data)
    await asyncio.sleep(0.002)
    writer.close()


BOMBS: Final = {
    "gzip": gzip.compress(bytes(50_000_000)),
    "zstd": zstd.compress(bytes(50_000_000)),
    "many members": gzip.compress(b"") * 20_000,
    "many frames": zstd.compress(b"") * 20_000,
    "a large window": bytes.fromhex("28b52ffd0088") + b"x" * 100,
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("way", ["otlp protobuf", "jaeger thrift", "zipkin json"])
async def test_bombs_cost_nothing(way: str, name: str) -> None:
    """A little that becomes much is refused after as much as is allowed."""
    chosen = WAYS[way]
    encoding = "zstd" if name in {"zstd", "many frames", "a large window"} else "gzip"
    async with http_door(chosen.setting) as door:
        began = time.process_time()
        headers = {"content-type": chosen.content_type, "content-encoding": encoding}
        answer = await door.post(chosen.path, BOMBS[name], headers)
        assert time.process_time() - began < 0.5
        assert answer.status_code in {400, 413}


LARGE: Final = 4_000_000
COSTLY: Final = {
    "otlp protobuf": b"\x0a\x00" * (LARGE // 2),
    "otlp json": b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + b'{"a": 1},' * (LARGE // 9) + b"{}]}]}]}",
    "jaeger thrift": b"\x0f\0\2\x0c" + LARGE.to_bytes(4, "big") + bytes(LARGE),
    "zipkin json": b"[" * LARGE,
    "zipkin protobuf": b"\x0a\x00" * (LARGE // 2),
    "zipkin v1 json": b"[" + b"{}," * (LARGE // 3) + b"{}]",
    "zipkin v1 thrift": b"\x0c" + LARGE.to_bytes(4, "big") + bytes(LARGE),
}


@pytest.mark.parametrize("name", COSTLY)
async def test_others_are_served_while_costly_requests_are_looked_at(name: str) -> None:
    """Megabytes that are made to cost much do not hold up what comes beside them."""
    way = WAYS[name]
    async with http_door(way.setting) as door:
        costly = asyncio.create_task(door.post(way.path, COSTLY[name], {"content-type": way.content_type}))
        await asyncio.sleep(0)
        began = time.monotonic()
        answer = await door.post(way.path, way.body, {"content-type": way.content_type})
        assert answer.status_code in {200, 202}
        assert time.monotonic() - began < MOST_S
        assert (await costly).status_code in way.answers
