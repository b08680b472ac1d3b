"""An agent in this process: a real UDP socket before it, doubles of collectors behind it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from spanloom_agent.agent import Agent, running_agent
from spanloom_agent.http_client import Answer, Connect
from spanloom_agent.settings import AgentSettings
from spanloom_model import address, datagram
from spanloom_model.datagram import Datagram
from spanloom_model.envelope import seal

GOOD = seal([(b"", b"", b"a span")])
BAD = seal([(b"", b"", b"a bad one")])


@dataclass
class CollectorDouble:
    """Answers as a collector would: refuses what holds BAD, and all while it is told to."""

    status: int = 200
    requests: list[bytes] = field(default_factory=list)
    taken: bytes = b""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        body = request.content
        self.requests.append(body)
        if self.status != 200:
            return httpx.Response(self.status)
        if BAD in body:
            return httpx.Response(400)
        self.taken += body
        return httpx.Response(200)


class _Over:
    """A client by another way than the network."""

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport) -> None:
        self._client = httpx.AsyncClient(base_url=url, transport=transport)

    async def request(
        self, method: str, target: str, headers: Mapping[str, str], pieces: Sequence[bytes], timeout_s: float
    ) -> Answer:
        try:
            answer = await self._client.request(method, target, headers=headers, content=b"".join(pieces))
        except httpx.TransportError as exc:
            raise ConnectionError from exc
        return Answer(answer.status_code, dict(answer.headers), answer.content)

    async def close(self) -> None:
        await self._client.aclose()


def over(transport: httpx.AsyncBaseTransport) -> Connect:
    """What makes clients that reach every server by this transport."""
    return lambda url: _Over(url, transport)


ALONE: Final[Mapping[str, object]] = {
    "udp_listen": "127.0.0.1:0",
    "jaeger_compact_listen": "",
    "jaeger_binary_listen": "",
    "linger_s": 0.05,
    "spool_dir": "",
}
"""Settings with which an agent is in nobody's way."""


@asynccontextmanager
async def agent_before(
    collector: Callable[[httpx.Request], httpx.Response], /, **settings: object
) -> AsyncIterator[Agent]:
    """An agent on a port of its own that forwards to the double."""
    chosen = AgentSettings(**{**ALONE, **settings})  # type: ignore[arg-type]  # the test names real settings
    async with running_agent(chosen, connect=over(httpx.MockTransport(collector))) as agent:
        yield agent


def send(agent: Agent, *datagrams: bytes, door: str = "otlp") -> None:
    """Send datagrams as an application does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for data in datagrams:
            udp.sendto(data, address.split(agent.udp_addresses[door]))


def numbered(sequence: int, span_count: int = 1, *, dropped_count: int = 0, sender: int = 7) -> bytes:
    """A datagram at a place in its sender's sequence."""
    return datagram.encode(
        Datagram(
            sender=sender,
            service="shop",
            sequence=sequence,
            span_count=span_count,
            dropped_count=dropped_count,
            payload=GOOD,
        )
    )


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something has happened; fails after five seconds."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


async def metric(agent: Agent, name: str, **labels: str) -> float:
    """A figure as an operator reads it."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(agent.http_app), base_url="http://agent"
    ) as client:
        text = (await client.get("/metrics")).text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


async def wait_for_datagrams(agent: Agent, count: int) -> None:
    """Wait until the agent has seen so many."""
    await until_metric(agent, "spanloom_agent_datagrams_total", count)


async def until_metric(agent: Agent, name: str, value: float, **labels: str) -> None:
    """Wait until a figure has come to a value; fails after five seconds."""
    async with asyncio.timeout(5):
        while await metric(agent, name, **labels) != value:
            await asyncio.sleep(0.01)


async def answer(agent: Agent, path: str) -> dict[str, object]:
    """What the agent answers over HTTP."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(agent.http_app), base_url="http://agent"
    ) as client:
        found: dict[str, object] = (await client.get(path)).json()
    return found
