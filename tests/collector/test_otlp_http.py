"""OTLP over HTTP, as clients of all kinds send it."""

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx
import pytest
from backports import zstd
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from spanloom_model.span import SpanKind
from spanloom_model.wire import field as wire_field
from spanloom_storage import otlp_json
from spanloom_storage.errors import Overloaded, Unavailable
from spanloom_storage.testing.requests import request_of
from spanloom_storage.testing.samples import RICH_SPAN, span
from tests.collector.inside import HttpDoor, Store, http_door

LIMIT_BYTES = 10_000
PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}
BAD_SPAN = wire_field(1, wire_field(2, wire_field(2, wire_field(1, b"short"))))


@pytest.fixture
async def door() -> AsyncIterator[HttpDoor]:
    """An open door."""
    async with http_door(
        "http_listen", max_request_bytes=LIMIT_BYTES, max_pending_bytes=2 * LIMIT_BYTES
    ) as door:
        yield door


async def post(door: HttpDoor, body: bytes, headers: Mapping[str, str] = PROTOBUF) -> httpx.Response:
    """Send a request as protobuf, or as the headers say."""
    return await door.post("/v1/traces", body, {**PROTOBUF, **headers})


async def test_protobuf_is_stored_before_the_answer(door: HttpDoor) -> None:
    """An exporter that gets 200 may forget its spans."""
    answer = await post(door, request_of([RICH_SPAN]))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert ExportTraceServiceResponse.FromString(answer.content) == ExportTraceServiceResponse()
    assert door.store.stored == [RICH_SPAN]


async def test_json_is_the_same_request(door: HttpDoor) -> None:
    """A browser's or a script's JSON is stored as protobuf is."""
    answer = await post(door, otlp_json.from_protobuf(request_of([RICH_SPAN])), JSON)
    assert (answer.status_code, answer.json()) == (200, {})
    assert door.store.stored == [RICH_SPAN]


def raw_deflate(body: bytes) -> bytes:
    """What some clients take for the encoding `deflate`."""
    return zlib.compress(body, wbits=-15)


COMPRESSED = [
    ("gzip", gzip.compress),
    ("zstd", zstd.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
]


@pytest.mark.parametrize(("name", "compress"), COMPRESSED)
async def test_compressed_requests_are_read(
    door: HttpDoor, name: str, compress: Callable[[bytes], bytes]
) -> None:
    """Exporters that save bandwidth need no setting here."""
    answer = await post(door, compress(request_of([RICH_SPAN])), {"content-encoding": name})
    assert answer.status_code == 200
    assert door.store.stored == [RICH_SPAN]


@pytest.mark.parametrize(("name", "compress"), COMPRESSED)
async def test_compressed_body_is_taken_whole_or_not_at_all(
    door: HttpDoor, name: str, compress: Callable[[bytes], bytes]
) -> None:
    """No half of a body is acknowledged: two members are both stored, a torn one is refused."""
    first, second = compress(request_of([span(1, 1)])), compress(request_of([span(2, 2)]))
    assert (await post(door, first + second, {"content-encoding": name})).status_code == 200
    assert door.store.stored == [span(1, 1), span(2, 2)]
    for end in (1, 4, 8, len(first) // 2, len(first) - 1):
        assert (await post(door, first[:end], {"content-encoding": name})).status_code == 400
    assert len(door.store.stored) == 2


async def test_empty_request_is_fine(door: HttpDoor) -> None:
    """Some clients say hello with nothing in it."""
    assert (await post(door, b"")).status_code == 200


async def test_bad_span_among_good_ones_is_told_in_partial_success(door: HttpDoor) -> None:
    """The sender's log says how many spans were refused and why; the others are stored."""
    answer = ExportTraceServiceResponse.FromString(
        (await post(door, request_of([span()]) + BAD_SPAN)).content
    )
    assert answer.partial_success.rejected_spans == 1
    assert answer.partial_success.error_message == "1 with a trace id of other than 16 bytes, or all zero"
    assert door.store.stored == [span()]


@pytest.mark.parametrize(
    ("body", "headers", "status", "reason"),
    [
        (b"\x0a\x05abc", {}, 400, "a field runs past the end of its message (byte 0)"),
        (b"{", JSON, 400, "not an OTLP trace request in JSON"),
        (b'{"resourceSpans": 5}', JSON, 400, "not an OTLP trace request in JSON"),
        (b"[]", JSON, 400, "not an OTLP trace request in JSON: it is no object with resourceSpans"),
        (b"[" * 5000, JSON, 400, "not an OTLP trace request in JSON"),
        (b"x", {"content-type": "text/plain"}, 415, "content type 'text/plain' is neither"),
        (
            b"x",
            {"content-encoding": "br"},
            415,
            "content encoding 'br' is none of gzip, zstd, deflate, identity",
        ),
        (b"not gzip", {"content-encoding": "gzip"}, 400, "the body is not gzip"),
        (
            gzip.compress(b"x" * 99)[:-9],
            {"content-encoding": "gzip"},
            400,
            "the compressed body ends too early",
        ),
        (b"x", {"content-encoding": "zstd"}, 400, "the body is not zstd"),
        (bytes(LIMIT_BYTES + 1), {}, 413, "larger than 10000 bytes"),
        (gzip.compress(bytes(10**8)), {"content-encoding": "gzip"}, 413, "larger than 10000 bytes"),
        (zstd.compress(bytes(10**8)), {"content-encoding": "zstd"}, 413, "larger than 10000 bytes"),
    ],
)
async def test_what_cannot_be_read_is_told_why(
    door: HttpDoor, body: bytes, headers: dict[str, str], status: int, reason: str
) -> None:
    """A client's author reads the mistake in the answer, in the client's own format."""
    answer = await post(door, body, headers)
    assert answer.status_code == status
    is_json = answer.headers["content-type"] == "application/json"
    message = json.loads(answer.content)["message"] if is_json else Status.FromString(answer.content).message
    assert reason in message
    assert "retry-after" not in answer.headers
    assert door.store.stored == []


@pytest.mark.parametrize(
    ("trouble", "status"), [(Unavailable("the disk is full"), 503), (Overloaded("too much waits"), 429)]
)
async def test_trouble_that_passes_asks_to_send_again(
    door: HttpDoor, trouble: Exception, status: int
) -> None:
    """Exporters keep their spans and come back later."""
    door.store.trouble = trouble
    answer = await post(door, request_of([span()]))
    assert answer.status_code == status
    assert answer.headers["retry-after"] == "1"
    assert Status.FromString(answer.content).message == str(trouble)


async def test_every_request_and_span_is_counted(door: HttpDoor) -> None:
    """Operators see what came, what was stored and what was refused."""
    await post(door, request_of([span(1, 1), span(1, 2)]))
    await post(door, request_of([span(1, 3)]) + BAD_SPAN)
    await post(door, b"nonsense")
    door.store.trouble = Unavailable("away")
    await post(door, request_of([span()]))
    assert (await door.client.get("/health")).json() == {"status": "degraded", "reason": "away"}
    door.store.trouble = None
    await post(door, request_of([span(1, 4)]))
    metrics = (await door.client.get("/metrics")).text
    for line in (
        'spanloom_collector_requests_total{door="otlp-http",outcome="stored"} 2.0',
        'spanloom_collector_requests_total{door="otlp-http",outcome="partial"} 1.0',
        'spanloom_collector_requests_total{door="otlp-http",outcome="malformed"} 1.0',
        'spanloom_collector_requests_total{door="otlp-http",outcome="unavailable"} 1.0',
        'spanloom_collector_spans_stored_total{door="otlp-http"} 4.0',
    ):
        assert line in metrics
    assert (await door.client.get("/health")).json() == {"status": "ok"}


GOOD_IN_JSON = {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331"}


@pytest.mark.parametrize(
    "changes",
    [
        {"traceId": "xyz"},
        {"startTimeUnixNano": "soon"},
        {"kind": []},
        {"links": [{"traceId": 7}]},
        {"attributes": {"k": "v"}},
        None,
        7,
    ],
)
async def test_bad_span_in_json_costs_only_itself(door: HttpDoor, changes: Any) -> None:
    """A script that gets one span wrong loses that one."""
    bad = {**GOOD_IN_JSON, **changes} if isinstance(changes, dict) else changes
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [bad, GOOD_IN_JSON]}]}]}
    answer = await post(door, json.dumps(body).encode(), JSON)
    assert answer.status_code == 200
    assert answer.json()["partialSuccess"] == {
        "rejectedSpans": "1",
        "errorMessage": "1 that are not OTLP's JSON",
    }
    assert len(door.store.stored) == 1


@pytest.mark.parametrize(
    "span",
    [
        {"kind": "SPAN_KIND_SERVER", "startTimeUnixNano": "5", "endTimeUnixNano": "7"},
        {"kind": 2, "startTimeUnixNano": 5, "endTimeUnixNano": 7, "ofTheFuture": {"x": [1]}},
        {"kind": 2, "start_time_unix_nano": 5, "end_time_unix_nano": "7"},
    ],
)
async def test_json_may_be_written_in_several_ways(door: HttpDoor, span: dict[str, Any]) -> None:
    """Enums by name or number, integers as text or number, fields that are not known yet."""
    attribute = {"key": "k", "value": {"intValue": "9007199254740993"}}
    body = {
        "resourceSpans": [{"scopeSpans": [{"spans": [{**GOOD_IN_JSON, **span, "attributes": [attribute]}]}]}]
    }
    assert (await post(door, json.dumps(body).encode(), JSON)).json() == {}
    (stored,) = door.store.stored
    assert (stored.kind, stored.start_ns, stored.duration_ns) == (SpanKind.SERVER, 5, 2)
    assert dict(stored.attributes) == {"k": 9007199254740993}


async def test_null_is_the_default_as_in_protobufs_json(door: HttpDoor) -> None:
    """A client that writes out its empty fields is understood."""
    ids = '"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","parentSpanId":null'
    body = f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{ids}}}]}}]}}]}}'
    assert (await post(door, body.encode(), JSON)).status_code == 200
    assert [one.parent_id for one in door.store.stored] == [None]


async def test_our_own_mistake_is_an_answer_and_a_count(
    door: HttpDoor, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug costs the request that met it, says no secrets, and is in the log."""
    door.store.trouble = ZeroDivisionError("secret")
    answer = await post(door, request_of([span()]))
    assert answer.status_code == 500
    assert Status.FromString(answer.content).message == "the collector failed; its log says why"
    assert "ZeroDivisionError" in caplog.text
    line = 'spanloom_collector_requests_total{door="otlp-http",outcome="failed"} 1.0'
    assert line in (await door.client.get("/metrics")).text


async def test_requests_in_progress_are_bounded() -> None:
    """More at once than fits in memory is asked to come back."""
    store = Store()
    store.disk.clear()
    async with http_door("http_listen", store, max_pending_bytes=150) as door:
        body = request_of([span()])
        first = asyncio.create_task(post(door, body))
        await asyncio.sleep(0.1)
        second = await post(door, body)
        assert (second.status_code, second.headers["retry-after"]) == (429, "1")
        store.disk.set()
        assert (await first).status_code == 200


@pytest.mark.parametrize(
    ("path", "told"), [("/v1/metrics", "takes traces only"), ("/elsewhere", "POST /v1/traces")]
)
async def test_other_addresses_say_what_is_taken_here(door: HttpDoor, path: str, told: str) -> None:
    """An SDK that sends metrics too is told how to stop, in words."""
    answer = await door.client.post(path, content=b"")
    assert answer.status_code == 404
    assert told in answer.json()["message"]
