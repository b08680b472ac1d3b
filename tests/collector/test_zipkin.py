"""Zipkin's door: its statuses, and its words."""

import gzip
import zlib
from collections.abc import AsyncIterator

import pytest

from spanloom_storage.errors import Overloaded, Unavailable
from tests.collector.inside import HttpDoor, http_door
from tests.dialects import captured
from tests.dialects.test_zipkin_v1 import thrift_list, thrift_span

V1 = "/api/v1/spans"
V2 = "/api/v2/spans"
JSON = {"content-type": "application/json"}
PROTO = {"content-type": "application/x-protobuf"}
THRIFT = {"content-type": "application/x-thrift"}
GOOD = b'{"traceId":"a","id":"b","name":"good"}'


@pytest.fixture
async def door() -> AsyncIterator[HttpDoor]:
    """Port 9411."""
    async with http_door("zipkin_listen", max_request_bytes=10_000) as door:
        yield door


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        (V2, captured.ZIPKIN_V2_JSON, JSON),
        (V2, captured.ZIPKIN_V2_JSON, {}),
        (V2, captured.ZIPKIN_V2_JSON, {"content-type": "text/plain"}),
        (V2, gzip.compress(captured.ZIPKIN_V2_JSON), {**JSON, "content-encoding": "gzip"}),
        (V2, zlib.compress(captured.ZIPKIN_V2_JSON), {**JSON, "content-encoding": "deflate"}),
        (V2, captured.ZIPKIN_PROTO, PROTO),
        (V1, captured.ZIPKIN_V1_JSON, JSON),
        (V1, captured.ZIPKIN_V1_JSON, {}),
        (V1, thrift_list(thrift_span()), THRIFT),
    ],
)
async def test_spans_are_stored_before_the_answer(
    door: HttpDoor, path: str, body: bytes, headers: dict[str, str]
) -> None:
    """What a client reports in any of Zipkin's formats; real Zipkin answers before it has stored."""
    answer = await door.post(path, body, headers)
    assert (answer.status_code, answer.content) == (202, b"")
    assert len(door.store.stored) == 1


@pytest.mark.parametrize("body", [b"", b"[]"])
@pytest.mark.parametrize("path", [V1, V2])
async def test_nothing_is_fine(door: HttpDoor, path: str, body: bytes) -> None:
    """Some reporters send what they have also when they have nothing."""
    assert (await door.post(path, body)).status_code == 202


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "said"),
    [
        (V2, b"{}", JSON, 400, "Expected a JSON_V2 encoded list"),
        (V2, captured.ZIPKIN_V1_JSON, JSON, 400, "Expected a JSON_V2 encoded list, but received: JSON_V1"),
        (V1, captured.ZIPKIN_V2_JSON, JSON, 400, "Expected a JSON_V1 encoded list, but received: JSON_V2"),
        (V2, b"[bad]", JSON, 400, "Malformed reading List<Span> from json"),
        (V2, b"\x0a", PROTO, 400, "Malformed reading List<Span> from proto3"),
        (V1, b"\x0c\x00\x00", THRIFT, 400, "Malformed reading List<Span> from thrift"),
        (V2, b"x", {"content-encoding": "gzip"}, 400, "Cannot gunzip spans"),
        (V2, b"no deflate", {"content-encoding": "deflate"}, 400, "the body is not deflate"),
        (V2, b"x", {"content-encoding": "br"}, 415, "content encoding 'br'"),
        (V2, b"[" + b" " * 10_000, JSON, 413, "the request is larger than 10000 bytes"),
        (V2, gzip.compress(bytes(10**8)), {"content-encoding": "gzip"}, 413, "the request is larger"),
        (V2, b'[{"traceId":"a","id":"0000000000000000"}]', JSON, 400, "id is all zeros"),
    ],
)
async def test_what_cannot_be_read_is_told_why(
    door: HttpDoor, path: str, body: bytes, headers: dict[str, str], *, status: int, said: str
) -> None:
    """The words are Zipkin's where it has some."""
    answer = await door.post(path, body, headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/plain; charset=utf-8")
    assert answer.text.startswith(said)
    assert door.store.stored == []


async def test_bad_span_costs_only_itself(door: HttpDoor) -> None:
    """Where Zipkin would refuse the list, the good span is stored and the answer tells of the other."""
    answer = await door.post(V2, b'[{"traceId":"no","id":"b"},' + GOOD + b"]")
    assert answer.status_code == 202
    assert "should be lower-hex encoded" in answer.text
    assert [one.name for one in door.store.stored] == ["good"]
    reason = 'door="zipkin",reason="a bad trace id"'
    assert f"spanloom_collector_spans_rejected_total{{{reason}}} 1.0" in await door.metrics()


@pytest.mark.parametrize(
    ("trouble", "status"), [(Unavailable("the disk is full"), 503), (Overloaded("too much waits"), 429)]
)
async def test_trouble_that_passes_asks_to_send_again(
    door: HttpDoor, trouble: Exception, status: int
) -> None:
    """Not 202, as Zipkin would answer: what is acknowledged is stored."""
    door.store.trouble = trouble
    answer = await door.post(V2, b"[" + GOOD + b"]")
    assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (status, str(trouble), "1")


async def test_reading_address_takes_no_spans(door: HttpDoor) -> None:
    """As Zipkin has it."""
    assert (await door.client.get(V2)).status_code == 405
