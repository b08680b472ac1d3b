"""A collector in this process, before a storage that does as it is told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
import httpx

from spanloom_collector.collector import running_collector
from spanloom_collector.settings import LISTENS, CollectorSettings
from spanloom_model.span import Span
from spanloom_storage import otlp
from spanloom_storage.api import Upkeep
from spanloom_storage.batch import SpanRequest
from spanloom_storage.spans import spans_of

PLAIN: Final[Mapping[str, str]] = {}
SHUT: Final[dict[str, Any]] = dict.fromkeys(LISTENS, "")


@dataclass
class Store:
    """Keeps spans, or fails."""

    stored: list[Span] = field(default_factory=list)
    trouble: Exception | None = None
    disk: asyncio.Event = field(default_factory=asyncio.Event)
    """While it is cleared, the disk hangs."""

    def __post_init__(self) -> None:
        self.disk.set()

    async def write(self, request: SpanRequest) -> None:
        """Keep the spans, or fail."""
        await self.disk.wait()
        if self.trouble is not None:
            raise self.trouble
        self.stored += spans_of(otlp.decoded(request))

    def on_upkeep(self, hear: Callable[[Upkeep], None]) -> None:
        """There is none."""


@dataclass
class HttpDoor:
    """One door over HTTP, without a socket."""

    client: httpx.AsyncClient
    store: Store

    async def post(self, path: str, body: bytes, headers: Mapping[str, str] = PLAIN) -> httpx.Response:
        """Send a body."""
        return await self.client.post(path, content=body, headers=headers)

    async def metrics(self) -> str:
        """What the operators read."""
        return (await self.client.get("/metrics")).text


@asynccontextmanager
async def http_door(setting: str, store: Store | None = None, **settings: Any) -> AsyncIterator[HttpDoor]:
    """The door that a setting opens; other settings as given."""
    store = store or Store()
    shut = {**SHUT, setting: "not bound", **settings}
    async with AsyncExitStack() as stack:
        collector = await stack.enter_async_context(running_collector(CollectorSettings(**shut), store))
        transport = httpx.ASGITransport(collector.http_doors[setting].app)
        client = httpx.AsyncClient(transport=transport, base_url="http://collector")
        yield HttpDoor(await stack.enter_async_context(client), store)


@dataclass
class GrpcDoor:
    """One door over gRPC, and beside it OTLP's over HTTP for the metrics."""

    channel: grpc.aio.Channel
    address: str
    store: Store
    http: httpx.AsyncClient

    async def call(self, method: str, body: bytes, **more: Any) -> bytes:
        """The answer to a request, both as bytes."""
        answer: bytes = await self.channel.unary_unary(f"/{method}")(body, **more)  # type: ignore[arg-type]  # bytes pass as they are
        return answer

    async def metrics(self) -> str:
        """What the operators read."""
        return (await self.http.get("/metrics")).text


@asynccontextmanager
async def grpc_door(setting: str, store: Store | None = None, **settings: Any) -> AsyncIterator[GrpcDoor]:
    """The door that a setting opens, on a port of its own; other settings as given."""
    store = store or Store()
    chosen = {**SHUT, setting: "127.0.0.1:0", "http_listen": "not bound", **settings}
    async with AsyncExitStack() as stack:
        collector = await stack.enter_async_context(running_collector(CollectorSettings(**chosen), store))
        where = collector.grpc_addresses[setting]
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(where))
        transport = httpx.ASGITransport(collector.http_doors["http_listen"].app)
        client = httpx.AsyncClient(transport=transport, base_url="http://collector")
        yield GrpcDoor(channel, where, store, await stack.enter_async_context(client))
