"""Bytes from anybody: a translation or a clear refusal, soon and in little memory."""

import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanloom_dialects.datagrams import from_datagram
from spanloom_dialects.errors import DialectError
from spanloom_dialects.jaeger.from_otlp import jaeger_spans
from spanloom_dialects.jaeger.proto_batch import from_request
from spanloom_dialects.jaeger.thrift_batch import from_batch
from spanloom_dialects.jaeger.to_proto import to_batches
from spanloom_dialects.thrift_wire import Encoding
from spanloom_dialects.translated import Translated
from spanloom_dialects.zipkin.json_list import from_json
from spanloom_dialects.zipkin.proto_list import from_proto
from spanloom_dialects.zipkin.v1_json import from_v1_json
from spanloom_dialects.zipkin.v1_thrift import from_v1_thrift
from spanloom_model.wire import field
from spanloom_storage import otlp
from tests.dialects import captured
from tests.dialects.test_jaeger import parsed
from tests.dialects.test_zipkin_v1 import thrift_list, thrift_span

thorough = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))

JAEGER_PROTO: Final = field(1, to_batches(jaeger_spans(parsed(from_batch(captured.JAEGER_BATCH))))[0])
DOORS: Final[dict[str, tuple[Callable[[bytes], Translated], bytes]]] = {
    "jaeger compact": (partial(from_datagram, encoding=Encoding.COMPACT), captured.JAEGER_COMPACT),
    "jaeger binary": (partial(from_datagram, encoding=Encoding.BINARY), captured.JAEGER_BINARY),
    "jaeger batch": (from_batch, captured.JAEGER_BATCH),
    "jaeger protobuf": (from_request, JAEGER_PROTO),
    "zipkin json": (from_json, captured.ZIPKIN_V2_JSON),
    "zipkin protobuf": (from_proto, captured.ZIPKIN_PROTO),
    "zipkin v1 json": (from_v1_json, captured.ZIPKIN_V1_JSON),
    "zipkin v1 thrift": (from_v1_thrift, thrift_list(thrift_span(), thrift_span())),
}


def answer(door: Callable[[bytes], Translated], body: bytes) -> Translated | DialectError:
    """What a door makes of a body; storage takes all that it takes."""
    try:
        found = door(body)
    except DialectError as exc:
        return exc
    checked = otlp.checked(found.request)
    assert checked.request.span_count == found.span_count
    assert not checked.rejected
    return found


@st.composite
def damaged(draw: st.DrawFn, body: bytes) -> bytes:
    """A body with some bytes changed, put in, left out or said twice."""
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(body)))
        end = draw(st.integers(begin, min(begin + 8, len(body))))
        middle = draw(
            st.one_of(st.binary(max_size=6), st.sampled_from((b"\xff" * 5, b"\x7f\xff\xff\xff", b"\0")))
        )
        body = draw(
            st.sampled_from((body[:begin] + middle + body[end:], body[:end] + body[begin:], body[:end]))
        )
    return body


@pytest.mark.parametrize("name", DOORS)
@given(data=st.data())
@thorough
def test_damaged_bodies(name: str, data: st.DataObject) -> None:
    """A broken client gets an answer, and nobody else notices."""
    door, body = DOORS[name]
    answer(door, data.draw(damaged(body)))


@pytest.mark.parametrize("name", DOORS)
@given(body=st.binary(max_size=200))
@thorough
def test_any_bytes(name: str, body: bytes) -> None:
    """So does a port scanner."""
    answer(DOORS[name][0], body)


@pytest.mark.parametrize("name", DOORS)
def test_bodies_that_are_cut(name: str) -> None:
    """A connection may end at any byte."""
    door, body = DOORS[name]
    for size in range(len(body)):
        answer(door, body[:size])


LARGE: Final = 4_000_000
HOSTILE: Final[dict[str, tuple[str, bytes]]] = {
    "a list that is said to be long": ("jaeger batch", b"\x0f\0\2\x0c\x7f\xff\xff\xff"),
    "a text that is said to be long": ("jaeger batch", b"\x0c\0\1\x0b\0\1\x7f\xff\xff\xff"),
    "a long list of nothing": ("jaeger batch", b"\x0f\0\2\x0c" + LARGE.to_bytes(4, "big") + bytes(LARGE + 1)),
    "an unknown long list of nothing": (
        "jaeger batch",
        b"\x0f\0\x63\x0c" + LARGE.to_bytes(4, "big") + bytes(LARGE + 1),
    ),
    "deep structs": ("jaeger batch", b"\x0c\0\x63" * LARGE),
    "deep lists": ("jaeger batch", b"\x0f\0\x63" + b"\x0f\0\0\0\1" * LARGE),
    "deep compact structs": ("jaeger compact", captured.JAEGER_COMPACT[:13] + b"\xfc" * LARGE),
    "a long Thrift list of nothing": (
        "zipkin v1 thrift",
        b"\x0c" + LARGE.to_bytes(4, "big") + bytes(LARGE),
    ),
    "deep protobuf": ("jaeger protobuf", field(1, b"\x12\x80\x01" * 100_000)),
    "deep JSON": ("zipkin json", b"[" * LARGE),
    "deep JSON in a span": ("zipkin json", b'[{"x":' + b"[" * LARGE),
    "deep JSON in a link": (
        "zipkin json",
        b'[{"traceId":"a","id":"b","tags":{"otlp.link.0":"%b|%b||%b|0"}}]'
        % (b"a" * 32, b"a" * 16, b"[" * LARGE),
    ),
    "a number of many digits": (
        "zipkin json",
        b'[{"traceId":"a","id":"b","timestamp":1' + b"0" * LARGE + b"}]",
    ),
    "a number that is huge": ("zipkin json", b'[{"traceId":"a","id":"b","timestamp":"1e999999999"}]'),
    "a long id": ("zipkin json", b'[{"traceId":"' + b"a" * LARGE + b'","id":"b"}]'),
    "a long address": (
        "zipkin json",
        b'[{"traceId":"a","id":"b","localEndpoint":{"ipv6":"' + b":" * LARGE + b'"}}]',
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_bodies(case: str) -> None:
    """Megabytes that are made to cost much cost a moment."""
    name, body = HOSTILE[case]
    door = DOORS[name][0]
    tracemalloc.start()
    began = time.process_time()
    answer(door, body)
    took_s = time.process_time() - began
    most_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert took_s < 2
    assert most_bytes < 10 * len(body) + 1_000_000


def test_many_long_keys_are_not_kept() -> None:
    """What is cached for speed is bounded in bytes."""
    body = b'[{"traceId":"a","id":"b","tags":{"%b":"v"},"localEndpoint":{"serviceName":"%b"}}]'
    from_json(body % (b"k", b"s"))
    tracemalloc.start()
    for number in range(200):
        long = b"%d" % number + b"k" * 100_000
        from_json(body % (long, long))
    kept_bytes = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept_bytes < 1_000_000


def test_the_agents_dialects_are_light() -> None:
    """An agent that takes Jaeger's datagrams loads neither protobuf nor what only a collector needs."""
    script = (
        "import sys, spanloom_dialects.datagrams\n"
        "heavy = {'google.protobuf', 'opentelemetry', 'numpy', 'pyarrow', 'grpc'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
