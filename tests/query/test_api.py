"""The REST API over a store in memory."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanloom_model.span import Attributes, Event, Span, SpanKind, StatusCode
from spanloom_query.app import create_app
from spanloom_storage import otlp, otlp_json
from spanloom_storage.embedded import EmbeddedStorage
from spanloom_storage.embedded.catalog import Catalog
from spanloom_storage.embedded.sealer import seal
from spanloom_storage.errors import Unavailable
from spanloom_storage.memory import MemoryStorage
from spanloom_storage.spans import spans_of
from spanloom_storage.testing.requests import checked_of
from spanloom_storage.testing.samples import NOON_NS, RICH_SPAN, SECOND_NS, span, trace_id


@dataclass
class Service:
    """A query service in process, with its storage at hand."""

    storage: MemoryStorage
    client: httpx.AsyncClient

    async def write(self, *spans: Span) -> None:
        """Store spans."""
        await self.storage.write(checked_of(spans))

    async def get(self, path: str, **parameters: str | int) -> dict[str, object]:
        """A good answer's JSON."""
        answer = await self.client.get("/api/v1" + path, params=parameters)
        assert answer.status_code == 200, answer.text
        told: dict[str, object] = answer.json()
        return told


def problem(status: int, sentence: str, **more: int) -> dict[str, object]:
    """A failure as it is told."""
    return {"title": HTTPStatus(status).phrase, "status": status, "detail": sentence, **more}


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """A service over an empty store."""
    storage = MemoryStorage()
    transport = httpx.ASGITransport(create_app(storage))
    async with httpx.AsyncClient(transport=transport, base_url="http://query") as client:
        yield Service(storage, client)


async def test_empty_store_answers_with_empty_lists(service: Service) -> None:
    """A fresh install is no error."""
    assert await service.get("/services") == {"services": []}
    assert await service.get("/traces") == {"traces": [], "next": None}
    assert await service.get("/operations", service="shop") == {"operations": []}


async def test_services_and_operations(service: Service) -> None:
    """The lists that a form offers."""
    await service.write(span(1, 1, service="cart"), span(1, 2, kind=SpanKind.CLIENT, name="a"))
    assert await service.get("/services") == {"services": ["cart", "shop"]}
    expected = {"operations": [{"name": "a", "kind": "client"}]}
    assert await service.get("/operations", service="shop") == expected


async def test_traces_are_found_by_service_operation_and_time(service: Service) -> None:
    """The four conditions of the search form."""
    await service.write(span(1, 1), span(2, 2, name="other"), span(3, 3), span(4, 4, service="cart"))
    answer = await service.get(
        "/traces",
        service="shop",
        operation="GET /",
        start=str(NOON_NS + 2 * SECOND_NS),
        end="2026-09-21T14:13:24Z",
    )
    assert answer == {
        "traces": [
            {
                "trace_id": trace_id(3).hex(),
                "service": "shop",
                "name": "GET /",
                "root_missing": False,
                "start_ns": NOON_NS + 3 * SECOND_NS,
                "duration_ns": SECOND_NS // 2,
                "span_count": 1,
                "error_count": 0,
                "services": [{"name": "shop", "span_count": 1, "error_count": 0}],
            }
        ],
        "next": None,
    }


async def test_pages_go_on_by_cursor(service: Service) -> None:
    """`next` leads through everything, newest first."""
    for number in range(1, 6):
        await service.write(span(number, number))
    found, cursor = [], ""
    while cursor is not None:
        answer = await service.get("/traces", limit=2, cursor=cursor)
        found += [int(trace["trace_id"], 16) for trace in answer["traces"]]  # type: ignore[attr-defined]  # JSON
        cursor = answer["next"]  # type: ignore[assignment]  # JSON
    assert found == [5, 4, 3, 2, 1]


async def test_trace_as_otlp_in_json_and_protobuf(service: Service) -> None:
    """A trace leaves as it came, for any tool that reads OTLP."""
    await service.write(RICH_SPAN)
    path = f"/api/v1/traces/{RICH_SPAN.trace_id.hex()}"
    as_json = await service.client.get(path)
    as_protobuf = await service.client.get(path, headers={"Accept": "application/x-protobuf"})
    assert as_protobuf.headers["content-type"] == "application/x-protobuf"
    for request in (as_protobuf.content, otlp_json.to_protobuf(as_json.content)):
        ExportTraceServiceRequest.FromString(request)
        assert spans_of(otlp.decoded(otlp.checked(request).request)) == [RICH_SPAN]
    told = as_json.json()["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert told["traceId"] == RICH_SPAN.trace_id.hex()
    assert told["parentSpanId"] == "0000000000000002"
    assert told["kind"] == 5


async def test_trace_as_a_tree(service: Service) -> None:
    """What the trace page draws, parents first."""
    await service.write(
        span(1, 1, start_ns=NOON_NS, duration_ns=100),
        span(1, 3, parent=1, service="cart", start_ns=NOON_NS + 20, status=StatusCode.ERROR),
        span(1, 2, parent=1, start_ns=NOON_NS + 10, duration_ns=5),
        span(1, 4, parent=99, start_ns=NOON_NS + 30),
    )
    tree = await service.get(f"/traces/{trace_id(1).hex()}/tree")
    rows = tree.pop("spans")
    assert isinstance(rows, list)
    assert [
        (int(row["span_id"], 16), row["depth"], row["descendants"], row["offset_ns"]) for row in rows
    ] == [
        (1, 0, 2, 0),
        (2, 1, 0, 10),
        (3, 1, 0, 20),
        (4, 0, 0, 30),
    ]
    assert rows[2]["status"] == "error"
    assert rows[3]["parent_id"] == "0000000000000063"
    assert tree["depth"] == 2
    assert tree["services"] == [
        {"name": "shop", "span_count": 3, "error_count": 0},
        {"name": "cart", "span_count": 1, "error_count": 1},
    ]
    assert tree["warnings"] == ["1 span whose parent is not stored: it is late, or was lost."]


async def test_values_keep_their_types_in_the_tree(service: Service) -> None:
    """A page can tell 1 from "1" and true, and shows what JSON has no word for."""
    pairs = (("i", 1), ("b", True), ("d", 1.5), ("n", float("nan")), ("s", "1"), ("r", b"\xff"), ("e", None))
    nested = (("l", (1, "a")), ("m", Attributes((("k", False),))))
    await service.write(span(attributes=Attributes(pairs + nested)))
    tree = await service.get(f"/traces/{trace_id(1).hex()}/tree")
    assert tree["spans"][0]["attributes"] == [  # type: ignore[index]  # JSON
        {"key": "i", "type": "int", "value": 1},
        {"key": "b", "type": "bool", "value": True},
        {"key": "d", "type": "double", "value": 1.5},
        {"key": "n", "type": "double", "value": "nan"},
        {"key": "s", "type": "string", "value": "1"},
        {"key": "r", "type": "bytes", "value": "/w=="},
        {"key": "e", "type": "empty", "value": None},
        {
            "key": "l",
            "type": "array",
            "value": [{"type": "int", "value": 1}, {"type": "string", "value": "a"}],
        },
        {"key": "m", "type": "kvlist", "value": [{"key": "k", "type": "bool", "value": False}]},
    ]


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/traces/xyz", 400, "a trace id is up to 32 hex digits, not 'xyz'"),
        (f"/traces/{'a' * 32}", 404, f"no span of trace {'a' * 32} is stored (yet)"),
        (f"/traces/{'a' * 32}/tree", 404, f"no span of trace {'a' * 32} is stored (yet)"),
        ("/traces?start=yesterday", 400, "a time is RFC 3339 or Unix nanoseconds, not 'yesterday'"),
        ("/traces?start=" + "9" * 5000, 400, f"a time is RFC 3339 or Unix nanoseconds, not '{'9' * 40}'"),
        ("/traces?limit=0", 400, "limit: Input should be greater than or equal to 1"),
        ("/traces?cursor=7", 400, "a cursor is what an earlier answer said as `next`"),
        ("/operations", 400, "service: Field required"),
        ("/nonsense", 404, "the API has no /api/v1/nonsense; /docs lists what it has"),
    ],
)
async def test_mistakes_are_told_in_one_sentence(
    service: Service, path: str, status: int, sentence: str
) -> None:
    """Whoever writes a script reads what is wrong with the request."""
    answer = await service.client.get("/api/v1" + path)
    assert (answer.status_code, answer.json()) == (status, problem(status, sentence))


async def test_traces_are_found_by_traceql(service: Service) -> None:
    """A query in the search language, with a time range and pages as ever."""
    await service.write(
        *(span(number, number, name="odd" if number % 2 else "even") for number in range(1, 6))
    )
    answer = await service.get("/traces", q='{ name = "odd" }', limit=2)
    assert [int(trace["trace_id"], 16) for trace in answer["traces"]] == [5, 3]  # type: ignore[attr-defined]  # JSON
    rest = await service.get("/traces", q='{ name = "odd" }', limit=2, cursor=str(answer["next"]))
    assert [int(trace["trace_id"], 16) for trace in rest["traces"]] == [1]  # type: ignore[attr-defined]  # JSON
    early = await service.get("/traces", q="{ }", end=str(NOON_NS + 2 * SECOND_NS))
    assert [int(trace["trace_id"], 16) for trace in early["traces"]] == [1]  # type: ignore[attr-defined]  # JSON


async def test_query_beside_simple_parameters_is_refused(service: Service) -> None:
    """Nobody has to guess how the two go together."""
    answer = await service.client.get("/api/v1/traces", params={"q": "{ }", "service": "shop"})
    sentence = "q says all of it: give either q, or service and operation"
    assert (answer.status_code, answer.json()) == (400, problem(400, sentence))


async def test_question_that_storage_cannot_answer_is_no_failure_of_ours(service: Service) -> None:
    """What asks for too much is told so, and not to try again."""
    await service.write(span(events=tuple(Event(time_ns=NOON_NS, name="a") for _ in range(5000))))
    answer = await service.client.get("/api/v1/traces", params={"q": "{ event:name < event:name }"})
    assert answer.status_code == 400
    assert "so many values" in answer.json()["detail"]


async def test_storage_that_is_away_is_told_as_such() -> None:
    """A script can tell "later" from "never"."""

    class AwayStorage(MemoryStorage):
        async def services(self) -> list[str]:
            raise Unavailable("the store is not reachable yet")

    transport = httpx.ASGITransport(create_app(AwayStorage()))
    async with httpx.AsyncClient(transport=transport, base_url="http://query") as client:
        answer = await client.get("/api/v1/services")
        assert (await client.get("/health")).status_code == 200
    assert (answer.status_code, answer.json()) == (503, problem(503, "the store is not reachable yet"))
    assert answer.headers["retry-after"] == "2"


async def test_requests_are_measured_by_route(service: Service) -> None:
    """Operators see how long each kind of question takes, and metrics do not grow with trace ids."""
    await service.client.get(f"/api/v1/traces/{'a' * 32}")
    metrics = (await service.client.get("/metrics")).text
    line = 'spanloom_query_request_seconds_count{route="/api/v1/traces/{trace_id}",status="404"} 1.0'
    assert line in metrics


async def test_openapi_describes_every_answer(service: Service) -> None:
    """/docs shows the shape of each answer and of each failure."""
    document = (await service.client.get("/openapi.json")).json()
    for path, operations in document["paths"].items():
        answers = operations["get"]["responses"]
        assert {"200", "4XX", "503"} <= answers.keys(), path
        assert answers["200"]["content"]["application/json"] is not None, path


async def test_damaged_files_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever watches the service learns that a file is bad, which one, and that the rest is served."""
    storage = EmbeddedStorage(tmp_path)
    async with storage.writer() as writer:
        await writer.write(checked_of([span()]))
    (segment,) = (tmp_path / "segments").iterdir()
    seal(Catalog(tmp_path), segment)
    (block,) = (tmp_path / "blocks").iterdir()
    (block / "spans.parquet").write_bytes(b"something else")
    async with storage.reader() as reader:
        transport = httpx.ASGITransport(create_app(reader))
        async with httpx.AsyncClient(transport=transport, base_url="http://query") as client:
            assert (await client.get("/api/v1/traces")).json()["traces"] == []
            assert (await client.get("/health")).json() == {
                "status": "degraded",
                "reason": "damaged files were set aside",
                "damaged": [block.name],
            }
            assert "spanloom_query_damaged_files 1.0" in (await client.get("/metrics")).text
    assert block.name in caplog.text
