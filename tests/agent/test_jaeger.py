"""Jaeger clients need no change: their datagrams, and what they ask of their host's agent."""

import asyncio
from collections import Counter

import httpx
import pytest

from spanloom_agent import sampling
from spanloom_agent.agent import Agent
from spanloom_agent.collectors import collectors_at
from spanloom_agent.counts import Counts
from spanloom_agent.sampling import Sampling
from spanloom_dialects.datagrams import from_datagram
from spanloom_dialects.thrift_wire import Encoding
from tests.agent.in_process import (
    GOOD,
    CollectorDouble,
    agent_before,
    metric,
    over,
    send,
    until,
    until_metric,
)
from tests.dialects import captured

ZIPKIN_BINARY = bytes.fromhex(
    "80010004 0000000f 656d69745a69706b696e4261746368 00000000"  # a oneway call of emitZipkinBatch
    "0f0001 0c 00000001"  # one span: trace id, name, id, no annotations of either kind
    "0a0001 000000000000002a 0b0003 00000003 676574 0a0004 0000000000000007"
    "0f0006 0c00000000 0f0008 0c00000000 00 00"
)

OPEN = {"jaeger_compact_listen": "127.0.0.1:0", "jaeger_binary_listen": "127.0.0.1:0"}


@pytest.mark.parametrize(
    ("door", "data", "encoding"),
    [
        ("jaeger-compact", captured.JAEGER_COMPACT, Encoding.COMPACT),
        ("jaeger-binary", captured.JAEGER_BINARY, Encoding.BINARY),
        ("jaeger-binary", ZIPKIN_BINARY, Encoding.BINARY),
    ],
    ids=["compact", "binary", "zipkin"],
)
async def test_spans_of_a_jaeger_client_are_forwarded(door: str, data: bytes, encoding: Encoding) -> None:
    """What a Jaeger client sends is OTLP when it comes to the collector, among the spans of others."""
    collector = CollectorDouble()
    expected = from_datagram(data, encoding).request
    async with agent_before(collector, **OPEN) as agent:
        send(agent, data, data, door=door)
        send(agent, GOOD)
        await until(lambda: len(collector.taken) == 2 * len(expected) + len(GOOD))
        assert await metric(agent, "spanloom_agent_datagrams_total", door=door, outcome="taken") == 2
    assert collector.taken.count(expected) == 2
    assert GOOD in collector.taken


@pytest.mark.parametrize(
    "noise", [b"", b"hello", captured.JAEGER_BINARY[:100], GOOD], ids=lambda data: data[:5].hex()
)
@pytest.mark.parametrize("door", ["jaeger-compact", "jaeger-binary"])
async def test_noise_costs_one_count_and_no_neighbour(door: str, noise: bytes) -> None:
    """Whatever arrives on the ports of Jaeger, spans from others go on to the collector."""
    good = {"jaeger-compact": captured.JAEGER_COMPACT, "jaeger-binary": captured.JAEGER_BINARY}[door]
    collector = CollectorDouble()
    async with agent_before(collector, **OPEN) as agent:
        send(agent, noise, good, door=door)
        await until(lambda: bool(collector.taken))
        await until_metric(agent, "spanloom_agent_datagrams_malformed_total", 1, door=door, reason="thrift")


async def test_span_that_can_never_be_stored_is_counted_by_reason() -> None:
    """A client with a bug is seen in the metrics, and its good spans are stored."""
    spoilt = captured.JAEGER_BINARY.replace(
        bytes.fromhex("0a0003deb69400d9397e790a0004"), bytes.fromhex("0a000300000000000000000a0004")
    )
    collector = CollectorDouble()
    async with agent_before(collector, **OPEN) as agent:
        send(agent, spoilt, door="jaeger-binary")
        await until(lambda: bool(collector.taken))
        assert (
            await metric(agent, "spanloom_agent_spans_refused_total", reason="a span without a span id") == 1
        )


class Strategies:
    """A collector that knows a strategy for each service, while it is there."""

    def __init__(self) -> None:
        self.asked = Counter[str]()
        self.status = 200

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        assert request.url.path == "/api/sampling"
        service = request.url.params["service"]
        self.asked[f"{request.url.host}:{service}"] += 1
        return httpx.Response(self.status, json={"strategyType": "PROBABILISTIC", "of": service})


async def ask(agent: Agent, target: str) -> httpx.Response:
    """Ask as a client does."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(agent.http_app), base_url="http://agent"
    ) as client:
        return await client.get(target)


@pytest.mark.parametrize("path", ["/", "/sampling"])
async def test_sampling_strategy_is_the_collectors(path: str) -> None:
    """A client hears what the collector says, in its words, and many clients cost it one question."""
    strategies = Strategies()
    async with agent_before(strategies) as agent:
        for _ in range(10):
            answer = await ask(agent, f"{path}?service=a%26b")
            assert answer.json() == {"strategyType": "PROBABILISTIC", "of": "a&b"}
            assert answer.headers["content-type"] == "application/json"
        assert await metric(agent, "spanloom_agent_sampling_answers_total", source="remembered") == 9
    assert strategies.asked == {"127.0.0.1:a&b": 1}


async def test_last_known_strategy_holds_while_the_collector_is_away() -> None:
    """A collector's restart does not change what is sampled, and is not felt by those who ask."""
    strategies = Strategies()
    counts, now_s = Counts(), 0.0
    collectors = collectors_at("http://one:4318", over(httpx.MockTransport(strategies)))
    known = Sampling(collectors, counts, now_s=lambda: now_s)
    before = await known.strategy("shop")
    strategies.status = 503
    for now_s in (59, 61, 62, 67):  # noqa: B007  # the clock
        assert await known.strategy("shop") == before
    assert strategies.asked["one:shop"] == 3, "at first, after a minute, and five seconds later"
    strategies.status, now_s = 200, 80
    assert await known.strategy("shop") == before
    assert strategies.asked["one:shop"] == 4


async def test_nothing_known_is_said_so() -> None:
    """A client that is told nothing goes by its own default, and the reason is there to read."""
    strategies = Strategies()
    strategies.status = 404
    async with agent_before(strategies) as agent:
        answer = await ask(agent, "/sampling?service=shop")
    assert answer.status_code == 500
    assert answer.text == "collector error: the collector at http://127.0.0.1:4318 answers 404"


async def test_any_collector_may_answer() -> None:
    """Where strategies come from somewhere else than spans go, the first that knows them is heard."""
    strategies = Strategies()

    def answering(request: httpx.Request) -> httpx.Response:
        if request.url.host == "one":
            raise httpx.ConnectError("refused", request=request)
        return strategies(request)

    async with agent_before(answering, sampling_from="http://one:14268, http://two:14268") as agent:
        assert (await ask(agent, "/?service=shop")).status_code == 200
    assert strategies.asked == {"two:shop": 1}


async def test_strategies_of_many_services_are_bounded() -> None:
    """A client that makes up names does not fill the agent's memory: the one asked for longest ago goes."""
    strategies = Strategies()
    async with agent_before(strategies) as agent:
        for number in range(sampling.MAX_SERVICES + 1):
            await ask(agent, f"/sampling?service={number}")
        await asyncio.gather(ask(agent, "/sampling?service=1000"), ask(agent, "/sampling?service=0"))
    assert strategies.asked["127.0.0.1:1000"] == 1
    assert strategies.asked["127.0.0.1:0"] == 2


@pytest.mark.parametrize("path", ["/", "/sampling", "/baggageRestrictions"])
@pytest.mark.parametrize("query", ["", "?service=a&service=b"])
async def test_service_is_given_once(path: str, query: str) -> None:
    """Jaeger's own words for a client that asks wrongly."""
    async with agent_before(Strategies()) as agent:
        answer = await ask(agent, path + query)
    assert (answer.status_code, answer.text) == (400, "'service' parameter must be provided once")


async def test_there_are_no_baggage_restrictions() -> None:
    """Clients that ask may put anything into baggage."""
    async with agent_before(Strategies()) as agent:
        answer = await ask(agent, "/baggageRestrictions?service=shop")
    assert (answer.status_code, answer.json()) == (200, [])
