"""Version 1 of Zipkin's format, which old clients still send: one span for both sides of a call."""

from types import SimpleNamespace
from typing import Any, Final

import msgspec
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.protocol.TCompactProtocol import TCompactProtocol
from thrift.Thrift import TMessageType, TType
from thrift.transport.TTransport import TMemoryBuffer

from spanloom_dialects.datagrams import from_datagram
from spanloom_dialects.errors import DialectError
from spanloom_dialects.thrift_wire import Encoding, written
from spanloom_dialects.translated import Translated
from spanloom_dialects.zipkin import answer
from spanloom_dialects.zipkin.from_otlp import zipkin_spans
from spanloom_dialects.zipkin.v1_json import from_v1_json
from spanloom_dialects.zipkin.v1_thrift import emit_zipkin_batch_struct, from_v1_thrift, span_struct

FRONT: Final = {"serviceName": "front", "ipv4": "10.0.0.1"}
BACK: Final = {"serviceName": "back", "ipv4": "10.0.0.2"}
IDS: Final = {"traceId": "000000000000000a", "id": "000000000000000b"}


def answered(translated: Translated) -> list[dict[str, Any]]:
    """What Zipkin's API answers after it has taken a body, without the ids."""
    assert not translated.rejected, translated.message
    request = ExportTraceServiceRequest.FromString(translated.request)
    spans = msgspec.json.decode(answer.to_json(zipkin_spans(request.resource_spans)))
    return [{key: value for key, value in span.items() if key not in IDS} for span in spans]


def at(endpoint: Any, *moments: Any) -> list[dict[str, Any]]:
    """Annotations of one host, given as value, moment, value, moment and so on."""
    pairs = zip(moments[::2], moments[1::2], strict=True)
    return [{"value": value, "timestamp": moment, "endpoint": endpoint} for value, moment in pairs]


def address(key: str, endpoint: Any, *, value: Any = True) -> dict[str, Any]:
    """A binary annotation that only says where the other side is."""
    return {"key": key, "value": value, "endpoint": endpoint}


@pytest.mark.parametrize(
    ("span", "found"),
    [
        pytest.param(
            {"annotations": at(FRONT, "cs", 10, "cr", 30)},
            [{"kind": "CLIENT", "timestamp": 10, "duration": 20, "localEndpoint": FRONT}],
            id="client",
        ),
        pytest.param(
            {"annotations": at(FRONT, "cs", 10, "foo", 15, "cr", 30), "timestamp": 9, "duration": 22},
            [
                {
                    "kind": "CLIENT", "timestamp": 9, "duration": 22, "localEndpoint": FRONT,
                    "annotations": [{"timestamp": 15, "value": "foo"}],
                }
            ],
            id="client with its own time",
        ),
        pytest.param(
            {"annotations": at(BACK, "sr", 10, "ss", 30)},
            [{"kind": "SERVER", "timestamp": 10, "duration": 20, "localEndpoint": BACK, "shared": True}],
            id="server without its own time",
        ),
        pytest.param(
            {"annotations": at(BACK, "sr", 10, "ss", 30), "timestamp": 10, "duration": 20},
            [{"kind": "SERVER", "timestamp": 10, "duration": 20, "localEndpoint": BACK}],
            id="server with its own time",
        ),
        pytest.param(
            {
                "annotations": at(FRONT, "cs", 10, "cr", 50) + at(BACK, "sr", 20, "ss", 40),
                "timestamp": 10, "duration": 40,
            },
            [
                {"kind": "CLIENT", "timestamp": 10, "duration": 40, "localEndpoint": FRONT},
                {"kind": "SERVER", "timestamp": 20, "duration": 20, "localEndpoint": BACK, "shared": True},
            ],
            id="both sides",
        ),
        pytest.param(
            {"annotations": at(FRONT, "cs", 10, "cr", 50) + at(FRONT, "sr", 20, "ss", 40)},
            [
                {"kind": "CLIENT", "timestamp": 10, "duration": 40, "localEndpoint": FRONT},
                {"kind": "SERVER", "timestamp": 20, "duration": 20, "localEndpoint": FRONT, "shared": True},
            ],
            id="a service that calls itself",
        ),
        pytest.param(
            {"annotations": at(FRONT, "cr", 30), "timestamp": 10, "duration": 20},
            [{"kind": "CLIENT", "timestamp": 10, "duration": 20, "localEndpoint": FRONT}],
            id="client whose start is the span's",
        ),
        pytest.param(
            {"annotations": at(FRONT, "cs", 10)},
            [{"kind": "CLIENT", "timestamp": 10, "localEndpoint": FRONT}],
            id="client that has only begun",
        ),
        pytest.param(
            {"annotations": at(BACK, "ss", 10)},
            [{"kind": "SERVER", "localEndpoint": BACK, "annotations": [{"timestamp": 10, "value": "ss"}]}],
            id="server of which only the end is known",
        ),
        pytest.param(
            {"annotations": at(FRONT, "ms", 10, "ws", 15) + at(BACK, "wr", 20, "mr", 30)},
            [
                {"kind": "PRODUCER", "timestamp": 10, "duration": 5, "localEndpoint": FRONT},
                {"kind": "CONSUMER", "timestamp": 20, "duration": 10, "localEndpoint": BACK, "shared": True},
            ],
            id="message",
        ),
        pytest.param(
            {"annotations": at(BACK, "mr", 30), "binaryAnnotations": [address("ma", FRONT)]},
            [{"kind": "CONSUMER", "timestamp": 30, "localEndpoint": BACK, "remoteEndpoint": FRONT}],
            id="consumer",
        ),
        pytest.param(
            {"annotations": at(FRONT, "cs", 10, "cr", 30), "binaryAnnotations": [address("sa", BACK)]},
            [
                {
                    "kind": "CLIENT", "timestamp": 10, "duration": 20,
                    "localEndpoint": FRONT, "remoteEndpoint": BACK,
                }
            ],
            id="address of the server",
        ),
        pytest.param(
            {
                "annotations": at(BACK, "sr", 1),
                "binaryAnnotations": [address("ca", {"serviceName": "back", "port": 7}, value="1")],
            },
            [
                {
                    "kind": "SERVER", "timestamp": 1, "shared": True,
                    "localEndpoint": BACK, "remoteEndpoint": {"port": 7},
                }
            ],
            id="address of the client, named like the server",
        ),
        pytest.param(
            {"binaryAnnotations": [address("ca", FRONT, value="true"), address("sa", BACK)], "timestamp": 5},
            [{"timestamp": 5, "localEndpoint": FRONT, "remoteEndpoint": BACK}],
            id="addresses alone",
        ),
        pytest.param(
            {"binaryAnnotations": [address("ca", FRONT)], "timestamp": 5},
            [{"kind": "SERVER", "timestamp": 5, "remoteEndpoint": FRONT}],
            id="the client's address alone",
        ),
        pytest.param(
            {
                "binaryAnnotations": [
                    address("lc", FRONT, value=""),
                    address("sa", BACK, value="x"),
                    address("n", FRONT, value=7),
                ]
            },
            [{"localEndpoint": FRONT, "tags": {"n": "7"}}, {"localEndpoint": BACK, "tags": {"sa": "x"}}],
            id="local, with tags",
        ),
        pytest.param(
            {"annotations": [{"value": "cs", "timestamp": 3}], "name": "Get", "debug": True},
            [{"name": "get", "annotations": [{"timestamp": 3, "value": "cs"}], "debug": True}],
            id="no host",
        ),
    ],
)  # fmt: skip
def test_conversion(span: dict[str, Any], found: list[dict[str, Any]]) -> None:
    """Each side of a call is a span of its own, with its own time."""
    assert answered(from_v1_json(msgspec.json.encode([{**IDS, "name": None, **span}]))) == found


@pytest.mark.parametrize(
    ("span", "says"),
    [
        ({"traceId": "a"}, "Missing : id"),
        ({**IDS, "annotations": [{"value": "a"}]}, "Incomplete annotation at $[0].annotations[0]"),
        (
            {**IDS, "binaryAnnotations": [{"key": "a"}]},
            "Incomplete binaryAnnotation at $[0].binaryAnnotations[0]",
        ),
        ({"traceId": "A", "id": "1"}, "A should be lower-hex encoded with no prefix"),
    ],
)
def test_span_that_zipkin_does_not_take(span: dict[str, Any], says: str) -> None:
    """The answer says what it lacks, and the good span beside it is kept."""
    found = from_v1_json(msgspec.json.encode([IDS, span]).replace(b"$[0]", b"$[1]"))
    assert (found.span_count, found.message) == (1, says.replace("$[0]", "$[1]"))


def thrift_host(name: str, ipv4: int = 0, port: int = 0, ipv6: bytes | None = None) -> SimpleNamespace:
    """A host in Thrift."""
    return SimpleNamespace(ipv4=ipv4, port=port, name=name.encode(), ipv6=ipv6)


def thrift_span(**changes: Any) -> SimpleNamespace:
    """A span in Thrift."""
    host = thrift_host("Front", 0x0A000001, -1)
    fields: dict[str, Any] = {
        "low": -1, "high": None, "own_id": -2, "parent_id": 3, "name": b"GET", "debug": None,
        "timestamp": 10, "duration": 20,
        "annotations": [SimpleNamespace(timestamp=10, value=b"cs", host=host)],
        "binary_annotations": [
            SimpleNamespace(key=key, value=value, kind=kind, host=host)
            for key, value, kind in (
                (b"bool", b"\1", 0), (b"bytes", b"\0\1", 1), (b"i16", b"\xff\xff", 2),
                (b"i32", b"\0\0\1\0", 3),
                (b"i64", bytes(7) + b"\5", 4), (b"double", b"\x3f\xe0" + bytes(6), 5), (b"text", b"x", 6),
                (b"short", b"1", 4),
            )
        ] + [SimpleNamespace(key=b"sa", value=b"\1", kind=0, host=thrift_host("db", ipv6=bytes(15) + b"\1"))],
    }  # fmt: skip
    return SimpleNamespace(**{**fields, **changes})


def thrift_list(*spans: SimpleNamespace) -> bytes:
    """The body of a request in Thrift."""
    data = b"".join(written(span, span_struct, Encoding.BINARY) for span in spans)
    return bytes([TType.STRUCT]) + len(spans).to_bytes(4, "big") + data


EXPECTED: Final = {
    "parentId": "0000000000000003", "kind": "CLIENT", "name": "get", "timestamp": 10, "duration": 20,
    "localEndpoint": {"serviceName": "front", "ipv4": "10.0.0.1", "port": 65535},
    "remoteEndpoint": {"serviceName": "db", "ipv6": "::1"},
    "tags": {
        "bool": "true", "bytes": "AAE=", "double": "0.5", "i16": "-1", "i32": "256", "i64": "5",
        "short": "1", "text": "x",
    },
}  # fmt: skip


def test_thrift_list() -> None:
    """The oldest clients of all."""
    found = from_v1_thrift(thrift_list(thrift_span()))
    assert answered(found) == [EXPECTED]
    (span,) = ExportTraceServiceRequest.FromString(found.request).resource_spans[0].scope_spans[0].spans
    assert (span.trace_id, span.span_id) == (bytes(8) + b"\xff" * 8, b"\xff" * 7 + b"\xfe")
    both = from_v1_thrift(thrift_list(thrift_span(), thrift_span(low=0)))
    assert (both.span_count, both.message) == (1, "traceId is all zeros")


@pytest.mark.parametrize("encoding", Encoding)
def test_datagram(encoding: Encoding) -> None:
    """The agent's port takes them from Jaeger's client, too."""
    buffer = TMemoryBuffer()
    protocol = (TBinaryProtocol if encoding is Encoding.BINARY else TCompactProtocol)(buffer)
    protocol.writeMessageBegin("emitZipkinBatch", TMessageType.ONEWAY, 0)
    arguments = written(SimpleNamespace(spans=[thrift_span()]), emit_zipkin_batch_struct, encoding)
    assert answered(from_datagram(buffer.getvalue() + arguments, encoding)) == [EXPECTED]


@pytest.mark.parametrize(
    "body", [b"", b"\x0c", b"\x0c\x7f\xff\xff\xff", b"\x0b\0\0\0\1\0\0\0\0", b"\x0c\xff\xff\xff\xff"]
)
def test_body_that_is_no_list(body: bytes) -> None:
    """What is none is refused before anything is made of it."""
    with pytest.raises(DialectError, match=r"^Malformed reading List<Span> from thrift"):
        from_v1_thrift(body)
