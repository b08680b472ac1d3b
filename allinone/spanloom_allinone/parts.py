"""Each part, running: what `spanloom run` puts together and the other commands run alone.

Imports stand in the functions, so that an agent does not load a store, nor a demo the pages.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from spanloom_allinone.http_limits import HttpLimits
from spanloom_allinone.serving import serving
from spanloom_allinone.settings import DemoSettings

if TYPE_CHECKING:
    from spanloom_agent.settings import AgentSettings
    from spanloom_collector.settings import CollectorSettings
    from spanloom_query.settings import QuerySettings
    from spanloom_storage.api import OpenWriter, Storage

_DOORS: Final = {
    "otlp": "Spans over UDP",
    "jaeger-compact": "Jaeger over UDP, compact",
    "jaeger-binary": "Jaeger over UDP, binary",
}


@dataclass(frozen=True, slots=True)
class Listening:
    """One place where a part listens, for the summary."""

    what: str
    where: str


@asynccontextmanager
async def running_collector(
    settings: "CollectorSettings", open_writer: "OpenWriter", settings_file: Path | None
) -> AsyncIterator[tuple[Listening, ...]]:
    """A collector, or one of its workers; the pipeline's stages are in the file."""
    from spanloom_collector import collector

    shared = settings.workers > 1
    async with AsyncExitStack() as stack:
        writer = await stack.enter_async_context(open_writer())
        running = await stack.enter_async_context(
            collector.running_collector(settings, writer, settings_file=settings_file)
        )
        found: dict[str, Any] = dict(running.grpc_addresses)
        for setting, door in running.http_doors.items():
            limits = HttpLimits(
                max_header_bytes=settings.max_header_bytes,
                max_connections=settings.max_connections,
                idle_s=settings.idle_s,
                refused=door.count_refused,
            )
            served = serving(door.app, getattr(settings, setting), shared=shared, limits=limits)
            found[setting] = await stack.enter_async_context(served)
        yield collector_listens(replace(settings, **found))


def collector_listens(settings: "CollectorSettings") -> tuple[Listening, ...]:
    """Where a collector is found that listens where its settings say: a line for each protocol."""
    protocols = {
        "OTLP": (settings.grpc_listen, settings.http_listen),
        "Jaeger": (settings.jaeger_grpc_listen, settings.jaeger_http_listen),
        "Zipkin": ("", settings.zipkin_listen),
    }
    return tuple(
        Listening(name, " · ".join(filter(None, (http and f"http://{http}", grpc and f"{grpc} (gRPC)"))))
        for name, (grpc, http) in protocols.items()
        if grpc or http
    )


@asynccontextmanager
async def running_query(
    settings: "QuerySettings", storage: "Storage"
) -> AsyncIterator[tuple[Listening, ...]]:
    """The query API and the pages over it, on one port."""
    import httpx

    import spanloom_query.app
    import spanloom_ui.app

    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(storage.reader())
        app = spanloom_query.app.create_app(reader)
        inside = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://query")
        pages = spanloom_ui.app.create_app(await stack.enter_async_context(inside))
        app.mount("/", pages)
        where = await stack.enter_async_context(serving(app, settings.listen))
        yield Listening("Pages", f"http://{where}"), Listening("API", f"http://{where}/docs")


@asynccontextmanager
async def running_agent(settings: "AgentSettings") -> AsyncIterator[tuple[Listening, ...]]:
    """The agent, forwarding to the collector that its settings name."""
    from spanloom_agent import agent

    async with (
        agent.running_agent(settings) as running,
        serving(running.http_app, settings.http_listen) as http,
    ):
        yield (
            *(Listening(_DOORS[door], where) for door, where in running.udp_addresses.items()),
            Listening("The agent's metrics", f"http://{http}/metrics"),
        )


@asynccontextmanager
async def running_demo(settings: DemoSettings) -> AsyncIterator[tuple[Listening, ...]]:
    """The shop of examples/shop, sending to an agent that runs already."""
    from spanloom_shop.main import ShopSettings, running_shop

    shop_settings = ShopSettings(agent=settings.agent, rate=settings.rate, port=settings.port)
    async with running_shop(shop_settings) as shop:
        yield (Listening("The demo shop", shop.addresses["frontend"]),)
