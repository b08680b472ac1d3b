"""What samplers are told, as Jaeger's file provider and its answers have it."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from spanloom_allinone.serving import serving
from spanloom_collector.sampling.answers import sampling_handlers, sampling_routes
from spanloom_collector.sampling.service import SamplingService
from spanloom_collector.sampling.strategies import read_strategies
from spanloom_collector.sampling.strategy import OperationStrategies, OperationStrategy, Strategy
from spanloom_model.errors import MisconfiguredError
from spanloom_model.wire import field

FULL = {
    "default_strategy": {
        "type": "probabilistic",
        "param": 0.5,
        "operation_strategies": [
            {"operation": "/health", "type": "probabilistic", "param": 0},
            {"operation": "/cart", "type": "probabilistic", "param": 0.25},
            {"operation": "/spam", "type": "ratelimiting", "param": 1},
        ],
    },
    "service_strategies": [
        {
            "service": "shop",
            "type": "probabilistic",
            "param": 0.8,
            "operation_strategies": [
                {"operation": "/pay", "type": "probabilistic", "param": 1},
                {"operation": "/cart", "type": "probabilistic", "param": 0.125},
                {"operation": "/spam", "type": "ratelimiting", "param": 10},
            ],
        },
        {"service": "plain", "type": "probabilistic", "param": 0.2},
        {"service": "bounded", "type": "ratelimiting", "param": 5.9},
        {
            "service": "both",
            "type": "ratelimiting",
            "param": 1e12,
            "operation_strategies": [{"operation": "/a", "type": "?", "param": 0.3}],
        },
        {"service": "odd", "type": "adaptive", "param": 0.3},
    ],
}


def operations(default: float, **probabilities: float) -> OperationStrategies:
    """Operations by name, in order."""
    return OperationStrategies(
        default_probability=default,
        operations=tuple(
            OperationStrategy(operation=f"/{name}", probability=probability)
            for name, probability in probabilities.items()
        ),
    )


@pytest.mark.parametrize(
    ("service", "strategy"),
    [
        ("anyone", Strategy(probability=0.5, operations=operations(0.5, health=0, cart=0.25))),
        ("shop", Strategy(probability=0.8, operations=operations(0.8, pay=1, cart=0.125, health=0))),
        ("plain", Strategy(probability=0.2, operations=operations(0.2, health=0, cart=0.25))),
        ("bounded", Strategy(max_traces_per_second=5, operations=operations(0.5, health=0, cart=0.25))),
        (
            "both",
            Strategy(
                max_traces_per_second=2**31 - 1,
                operations=operations(0.001, a=0.001, health=0, cart=0.25),
            ),
        ),
        ("odd", Strategy(probability=0.001, operations=operations(0.001, health=0, cart=0.25))),
    ],
)
def test_every_rule_of_the_format(service: str, strategy: Strategy) -> None:
    """A file that Jaeger serves is served here in the same way."""
    found = read_strategies(json.dumps(FULL).encode(), default_probability=0.001)
    assert found.strategy_for(service) == strategy


def test_what_samplers_do_not_know_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever wrote it learns that a line of the file does nothing."""
    with caplog.at_level(logging.WARNING):
        read_strategies(json.dumps(FULL).encode(), default_probability=0.001)
    assert "operation_strategies[2]: '/spam' is left out, as operations are probabilistic only" in caplog.text
    assert "service_strategies[4]: type is 'adaptive', so the default probability is taken" in caplog.text


@pytest.mark.parametrize("data", [b"null", b"{}", b'{"default_strategy": null, "service_strategies": null}'])
def test_empty_files_say_the_default(data: bytes) -> None:
    """As where there is no file at all."""
    found = read_strategies(data, default_probability=0.001)
    assert found.strategy_for("anyone") == Strategy(probability=0.001)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"nonsense", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'"text"', "the sampling strategies: 'text' is not an object"),
        (b'{"default_strategy": []}', "default_strategy: .* is not an object"),
        (b'{"service_strategies": {}}', "service_strategies is not a list"),
        (b'{"service_strategies": [{"service": 1}]}', r"service_strategies\[0\]: service is 1, not a string"),
        (
            b'{"default_strategy": {"type": "probabilistic", "param": "1"}}',
            "default_strategy: param is '1', not a number",
        ),
        (
            b'{"default_strategy": {"type": "probabilistic", "param": 50}}',
            "default_strategy: param is 50, not a probability from 0 to 1",
        ),
        (b'{"default_strategy": {"type": "ratelimiting", "param": NaN}}', "param is nan, not a number"),
        (b'{"default_strategy": {"type": "ratelimiting", "param": 1e999}}', "param is inf, not a number"),
    ],
)
def test_mistakes_are_told_with_their_place(data: bytes, reason: str) -> None:
    """Which entry, which value, what it should be."""
    with pytest.raises(MisconfiguredError, match=reason):
        read_strategies(data, default_probability=1)


@pytest.mark.parametrize(
    ("strategy", "text"),
    [
        (
            Strategy(probability=0.5),
            '{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.5}}',
        ),
        (
            Strategy(max_traces_per_second=42),
            '{"strategyType":"RATE_LIMITING","rateLimitingSampling":{"maxTracesPerSecond":42}}',
        ),
        (
            Strategy(probability=1.0, operations=operations(0.8, op1=0.2)),
            '{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":1},'  # noqa: ISC004  # one text
            '"operationSampling":{"defaultSamplingProbability":0.8,"defaultLowerBoundTracesPerSecond":0,'
            '"perOperationStrategies":[{"operation":"/op1","probabilisticSampling":{"samplingRate":0.2}}],'
            '"defaultUpperBoundTracesPerSecond":0}}',
        ),
    ],
)
def test_answers_are_jaegers_letter_for_letter(strategy: Strategy, text: str) -> None:
    """Old clients compare strings."""
    assert strategy.as_json() == text


def response_class() -> Any:
    """SamplingStrategyResponse, from its definition in proto/api_v2/sampling.proto."""
    types = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="sampling.proto", package="jaeger.api_v2", syntax="proto3")
    kind = file.enum_type.add(name="SamplingStrategyType")
    kind.value.add(name="PROBABILISTIC", number=0)
    kind.value.add(name="RATE_LIMITING", number=1)
    messages: dict[str, list[tuple[str, Any]]] = {
        "ProbabilisticSamplingStrategy": [("samplingRate", types.TYPE_DOUBLE)],
        "RateLimitingSamplingStrategy": [("maxTracesPerSecond", types.TYPE_INT32)],
        "OperationSamplingStrategy": [
            ("operation", types.TYPE_STRING),
            ("probabilisticSampling", "ProbabilisticSamplingStrategy"),
        ],
        "PerOperationSamplingStrategies": [
            ("defaultSamplingProbability", types.TYPE_DOUBLE),
            ("defaultLowerBoundTracesPerSecond", types.TYPE_DOUBLE),
            ("perOperationStrategies", "OperationSamplingStrategy"),
            ("defaultUpperBoundTracesPerSecond", types.TYPE_DOUBLE),
        ],
        "SamplingStrategyResponse": [
            ("strategyType", "SamplingStrategyType"),
            ("probabilisticSampling", "ProbabilisticSamplingStrategy"),
            ("rateLimitingSampling", "RateLimitingSamplingStrategy"),
            ("operationSampling", "PerOperationSamplingStrategies"),
        ],
    }
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for number, (field_name, of) in enumerate(fields, 1):
            one = message.field.add(name=field_name, number=number, label=types.LABEL_OPTIONAL)
            if not isinstance(of, str):
                one.type = of
            else:
                one.type = types.TYPE_ENUM if of == "SamplingStrategyType" else types.TYPE_MESSAGE
                one.type_name = f".jaeger.api_v2.{of}"
            if field_name == "perOperationStrategies":
                one.label = types.LABEL_REPEATED
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName("jaeger.api_v2.SamplingStrategyResponse")
    )


RESPONSE = response_class()
PROBABILITIES = st.floats(0, 1)
STRATEGIES = st.builds(
    Strategy,
    probability=PROBABILITIES,
    operations=st.none()
    | st.builds(
        OperationStrategies,
        default_probability=PROBABILITIES,
        operations=st.lists(
            st.builds(OperationStrategy, operation=st.text(), probability=PROBABILITIES), max_size=3
        ).map(tuple),
    ),
) | st.builds(Strategy, max_traces_per_second=st.integers(-(2**31), 2**31 - 1))


@given(STRATEGIES)
def test_both_answers_are_the_same_message(strategy: Strategy) -> None:
    """A client of gRPC does as a client of HTTP does."""
    message = RESPONSE.FromString(strategy.as_protobuf())
    assert message.SerializeToString(deterministic=True) == strategy.as_protobuf()
    assert json_format.Parse(strategy.as_json(), RESPONSE()) == message


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait until it does."""
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.005)


async def test_changed_file_is_in_force_without_a_restart(tmp_path: Path) -> None:
    """And one that is broken leaves the last good one, and is told."""
    file = tmp_path / "strategies.json"
    file.write_text(json.dumps(FULL))
    service = SamplingService(str(file), default_probability=1)
    async with service.running(every_s=0.01):
        assert service.strategy_for("plain").probability == 0.2
        file.write_text(json.dumps(FULL).replace("0.2}", "0.3}"))
        await eventually(lambda: service.strategy_for("plain").probability == 0.3)
        file.write_text("{")
        await eventually(lambda: service.trouble is not None)
        assert service.strategy_for("plain").probability == 0.3
        file.write_text("{}")
        await eventually(lambda: service.trouble is None)
        assert service.strategy_for("plain").probability == 1


async def test_file_that_is_missing_or_wrong_ends_the_command(tmp_path: Path) -> None:
    """A misspelt path is told at start."""
    with pytest.raises(MisconfiguredError, match=r"nowhere.json cannot be read: No such file"):
        await SamplingService(str(tmp_path / "nowhere.json"), default_probability=1).running().__aenter__()
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(MisconfiguredError, match=r"bad.json: the sampling strategies are not JSON"):
        await SamplingService(str(tmp_path / "bad.json"), default_probability=1).running().__aenter__()


async def test_address_that_does_not_answer_is_asked_again() -> None:
    """The collector starts before whatever serves its strategies; without it the last good ones hold."""
    answers: list[tuple[str, int, float]] = [("", 503, 0)]

    async def strategies(_: Request) -> PlainTextResponse:
        text, status, wait_s = answers[-1]
        await asyncio.sleep(wait_s)
        return PlainTextResponse(text, status)

    async with serving(Starlette(routes=[Route("/s", strategies)]), "127.0.0.1:0") as where:
        service = SamplingService(f"http://{where}/s", default_probability=0.001)
        async with service.running(every_s=0.01):
            assert service.strategy_for("plain") == Strategy(probability=0.001)
            assert "cannot be read" in str(service.trouble)
            answers.append((json.dumps(FULL), 200, 0))
            await eventually(lambda: service.trouble is None)
            assert service.strategy_for("plain").probability == 0.2
            answers.append((json.dumps({}), 200, 1.5))
            await eventually(lambda: "timed out" in str(service.trouble))
            assert service.strategy_for("plain").probability == 0.2


async def test_without_a_source_all_are_told_the_default() -> None:
    """Samplers find an answer in a Spanloom that nobody has configured."""
    service = SamplingService("", default_probability=0.25)
    async with service.running():
        assert service.strategy_for("anyone") == Strategy(probability=0.25)
        assert service.trouble is None


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[SamplingService]:
    """A service with the strategies above."""
    (tmp_path / "strategies.json").write_text(json.dumps(FULL))
    service = SamplingService(str(tmp_path / "strategies.json"), default_probability=0.001)
    async with service.running():
        yield service


@pytest.fixture
async def client(served: SamplingService) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who asks over HTTP."""
    transport = httpx.ASGITransport(Starlette(routes=sampling_routes(served)))
    async with httpx.AsyncClient(transport=transport, base_url="http://collector") as client:
        yield client


async def test_samplers_ask_over_http(served: SamplingService, client: httpx.AsyncClient) -> None:
    """At the addresses that clients of Jaeger know."""
    told = served.strategy_for("shop").as_json()
    for answer in (
        await client.get("/sampling?service=shop"),
        await client.get("/api/sampling", params={"service": "shop"}),
        await client.post("/api/v2/samplingStrategy", json={"serviceName": "shop"}),
    ):
        assert (answer.status_code, answer.text) == (200, told)
        assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("query", ["", "?service=a&service=b", "?name=a"])
async def test_question_without_one_service_is_told_so(client: httpx.AsyncClient, query: str) -> None:
    """In Jaeger's words."""
    answer = await client.get("/sampling" + query)
    assert (answer.status_code, answer.text) == (400, "'service' parameter must be provided once\n")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"5", b'{"serviceName": 5}', b"[" * 100_000])
async def test_body_that_is_no_question_is_told_so(client: httpx.AsyncClient, body: bytes) -> None:
    """With an example of one."""
    answer = await client.post("/api/v2/samplingStrategy", content=body)
    assert answer.status_code == 400
    assert '{"serviceName": "shop"}' in answer.text


async def test_samplers_ask_over_grpc(served: SamplingService) -> None:
    """OpenTelemetry's jaeger_remote sampler in most languages."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((sampling_handlers(served),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        ask: Any = channel.unary_unary("/jaeger.api_v2.SamplingManager/GetSamplingStrategy")
        assert await ask(field(1, b"shop")) == served.strategy_for("shop").as_protobuf()
        assert await ask(b"") == served.strategy_for("").as_protobuf()
        with pytest.raises(grpc.aio.AioRpcError, match="not a SamplingStrategyParameters"):
            await ask(b"\x0a\xff")
    await server.stop(None)


def test_example_of_the_documentation_is_a_file() -> None:
    """Whoever copies it has strategies that work."""
    document = (Path(__file__).parents[2] / "docs" / "sampling.md").read_text()
    data = document.partition("```json\n")[2].partition("```")[0].encode()
    found = read_strategies(data, default_probability=1)
    assert found.strategy_for("search").max_traces_per_second == 20
    assert found.strategy_for("anyone") == Strategy(
        probability=0.1,
        operations=OperationStrategies(
            default_probability=0.1, operations=(OperationStrategy(operation="GET /health", probability=0),)
        ),
    )
