"""OTLP over HTTP, as clients of all kinds send it."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

import httpx
import pytest
from backports import zstd
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from spanloom_collector.budget import Budget
from spanloom_collector.counts import Counts
from spanloom_collector.http import create_app
from spanloom_collector.receiver import Receiver
from spanloom_model.span import Span
from spanloom_model.wire import field as wire_field
from spanloom_storage import otlp, otlp_json
from spanloom_storage.batch import SpanRequest
from spanloom_storage.errors import Overloaded, Unavailable
from spanloom_storage.spans import spans_of
from spanloom_storage.testing.requests import request_of
from spanloom_storage.testing.samples import RICH_SPAN, span

LIMIT_BYTES = 10_000
PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}
BAD_SPAN = wire_field(1, wire_field(2, wire_field(2, wire_field(1, b"short"))))


@dataclass
class Door:
    """A collector's HTTP side in process, before a storage that does as it is told."""

    stored: list[Span] = field(default_factory=list)
    trouble: Exception | None = None
    client: httpx.AsyncClient = field(init=False)

    async def consume(self, request: SpanRequest) -> None:
        """Keep the spans, or fail."""
        if self.trouble is not None:
            raise self.trouble
        self.stored += spans_of(otlp.decoded(request))

    async def post(self, body: bytes, headers: Mapping[str, str] = PROTOBUF) -> httpx.Response:
        """Send a request as protobuf, or as the headers say."""
        return await self.client.post("/v1/traces", content=body, headers={**PROTOBUF, **headers})


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """An open door."""
    door = Door()
    counts = Counts()
    app = create_app(
        Receiver(door.consume, counts), counts, Budget(2 * LIMIT_BYTES), max_request_bytes=LIMIT_BYTES
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://collector") as client:
        door.client = client
        yield door


async def test_protobuf_is_stored_before_the_answer(door: Door) -> None:
    """An exporter that gets 200 may forget its spans."""
    answer = await door.post(request_of([RICH_SPAN]))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert ExportTraceServiceResponse.FromString(answer.content) == ExportTraceServiceResponse()
    assert door.stored == [RICH_SPAN]


async def test_json_is_the_same_request(door: Door) -> None:
    """A browser's or a script's JSON is stored as protobuf is."""
    answer = await door.post(otlp_json.from_protobuf(request_of([RICH_SPAN])), JSON)
    assert (answer.status_code, answer.json()) == (200, {})
    assert door.stored == [RICH_SPAN]


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress])
async def test_compressed_requests_are_read(door: Door, compress: type[bytes]) -> None:
    """Exporters that save bandwidth need no setting here."""
    encoding = "gzip" if compress is gzip.compress else "zstd"
    answer = await door.post(compress(request_of([RICH_SPAN])), {"content-encoding": encoding})
    assert answer.status_code == 200
    assert door.stored == [RICH_SPAN]


@pytest.mark.parametrize(("name", "compress"), [("gzip", gzip.compress), ("zstd", zstd.compress)])
async def test_compressed_body_is_taken_whole_or_not_at_all(
    door: Door, name: str, compress: Callable[[bytes], bytes]
) -> None:
    """No half of a body is acknowledged: two members are both stored, a torn one is refused."""
    first, second = compress(request_of([span(1, 1)])), compress(request_of([span(2, 2)]))
    assert (await door.post(first + second, {"content-encoding": name})).status_code == 200
    assert door.stored == [span(1, 1), span(2, 2)]
    for end in (1, 4, 8, len(first) // 2, len(first) - 1):
        assert (await door.post(first[:end], {"content-encoding": name})).status_code == 400
    assert len(door.stored) == 2


async def test_empty_request_is_fine(door: Door) -> None:
    """Some clients say hello with nothing in it."""
    assert (await door.post(b"")).status_code == 200


async def test_bad_span_among_good_ones_is_told_in_partial_success(door: Door) -> None:
    """The sender's log says how many spans were refused and why; the others are stored."""
    answer = ExportTraceServiceResponse.FromString((await door.post(request_of([span()]) + BAD_SPAN)).content)
    assert answer.partial_success.rejected_spans == 1
    assert answer.partial_success.error_message == "1 with a trace id of other than 16 bytes, or all zero"
    assert door.stored == [span()]


@pytest.mark.parametrize(
    ("body", "headers", "status", "reason"),
    [
        (b"\x0a\x05abc", {}, 400, "a field runs past the end of its message (byte 0)"),
        (b"{", JSON, 400, "not an OTLP trace request in JSON"),
        (b'{"resourceSpans": 5}', JSON, 400, "not an OTLP trace request in JSON"),
        (b"[]", JSON, 400, "not an OTLP trace request in JSON: it is no object with resourceSpans"),
        (
            b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}',
            JSON,
            400,
            "not an OTLP trace request in JSON: traceId is hex, not 'xyz'",
        ),
        (b"[" * 5000, JSON, 400, "not an OTLP trace request in JSON"),
        (b"x", {"content-type": "text/plain"}, 415, "content type 'text/plain' is neither"),
        (b"x", {"content-encoding": "br"}, 415, "content encoding 'br' is none of gzip, zstd, identity"),
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
    door: Door, body: bytes, headers: dict[str, str], status: int, reason: str
) -> None:
    """A client's author reads the mistake in the answer, in the client's own format."""
    answer = await door.post(body, headers)
    assert answer.status_code == status
    is_json = answer.headers["content-type"] == "application/json"
    message = json.loads(answer.content)["message"] if is_json else Status.FromString(answer.content).message
    assert reason in message
    assert "retry-after" not in answer.headers
    assert door.stored == []


@pytest.mark.parametrize(
    ("trouble", "status"), [(Unavailable("the disk is full"), 503), (Overloaded("too much waits"), 429)]
)
async def test_trouble_that_passes_asks_to_send_again(door: Door, trouble: Exception, status: int) -> None:
    """Exporters keep their spans and come back later."""
    door.trouble = trouble
    answer = await door.post(request_of([span()]))
    assert answer.status_code == status
    assert answer.headers["retry-after"] == "1"
    assert Status.FromString(answer.content).message == str(trouble)


async def test_every_request_and_span_is_counted(door: Door) -> None:
    """Operators see what came, what was stored and what was refused."""
    await door.post(request_of([span(1, 1), span(1, 2)]))
    await door.post(request_of([span(1, 3)]) + BAD_SPAN)
    await door.post(b"nonsense")
    door.trouble = Unavailable("away")
    await door.post(request_of([span()]))
    assert (await door.client.get("/health")).json() == {"status": "degraded", "reason": "away"}
    door.trouble = None
    await door.post(request_of([span(1, 4)]))
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


async def test_null_is_the_default_as_in_protobufs_json(door: Door) -> None:
    """A client that writes out its empty fields is understood."""
    ids = '"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","parentSpanId":null'
    body = f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{ids}}}]}}]}}]}}'
    assert (await door.post(body.encode(), JSON)).status_code == 200
    assert [one.parent_id for one in door.stored] == [None]


async def test_our_own_mistake_is_an_answer_and_a_count(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """A bug costs the request that met it, says no secrets, and is in the log."""
    door.trouble = ZeroDivisionError("secret")
    answer = await door.post(request_of([span()]))
    assert answer.status_code == 500
    assert Status.FromString(answer.content).message == "the collector failed; its log says why"
    assert "ZeroDivisionError" in caplog.text
    line = 'spanloom_collector_requests_total{door="otlp-http",outcome="failed"} 1.0'
    assert line in (await door.client.get("/metrics")).text


async def test_requests_in_progress_are_bounded(door: Door) -> None:
    """More at once than fits in memory is asked to come back."""
    waiting = asyncio.Event()

    async def slow(_: SpanRequest) -> None:
        await waiting.wait()

    counts = Counts()
    app = create_app(Receiver(slow, counts), counts, Budget(150), max_request_bytes=LIMIT_BYTES)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://collector") as client:
        body = request_of([span()])
        first = asyncio.create_task(client.post("/v1/traces", content=body, headers=PROTOBUF))
        await asyncio.sleep(0.1)
        second = await client.post("/v1/traces", content=body, headers=PROTOBUF)
        assert (second.status_code, second.headers["retry-after"]) == (429, "1")
        waiting.set()
        assert (await first).status_code == 200


@pytest.mark.parametrize(
    ("path", "told"), [("/v1/metrics", "takes traces only"), ("/elsewhere", "POST /v1/traces")]
)
async def test_other_addresses_say_what_is_taken_here(door: Door, path: str, told: str) -> None:
    """An SDK that sends metrics too is told how to stop, in words."""
    answer = await door.client.post(path, content=b"")
    assert answer.status_code == 404
    assert told in answer.json()["message"]
