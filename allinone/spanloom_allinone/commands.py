"""What each command runs, until it is told to end."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from spanloom_allinone import collector_workers, parts
from spanloom_allinone.serving import stop_signal
from spanloom_allinone.settings import DemoSettings, Sources, StorageSettings
from spanloom_allinone.summary import print_summary
from spanloom_instrumentation.auto import command as tracing
from spanloom_model.errors import MisconfiguredError

if TYPE_CHECKING:
    from spanloom_storage.api import Storage

_DEMO_HINTS: Final = (
    "The shop opens in a few seconds; then its traces are on the page.",
    "Look for a checkout with a failed payment, or a visit with 30 recommendations.",
)
_OWN_HINTS: Final = (
    "Trace a Python service:  spanloom trace --service my-service app.py",
    "Any OpenTelemetry SDK:   OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318",
    "Or see a shop at work:   spanloom demo",
)


async def run(sources: Sources, *, demo: bool) -> None:
    """Everything in this process; the demo's services in processes of their own."""
    from spanloom_agent.settings import AgentSettings
    from spanloom_collector.settings import CollectorSettings
    from spanloom_query.settings import QuerySettings
    from spanloom_storage.open import open_storage

    stop = stop_signal()
    # All settings first: a mistake in the last of them is told before anything has started.
    place = sources.load("", StorageSettings)
    collector_settings = sources.load("collector", CollectorSettings)
    agent_settings = sources.load("agent", AgentSettings, spool_dir=place.agent_spool)
    query_settings = sources.load("query", QuerySettings)
    demo_settings = sources.load("demo", DemoSettings)
    if collector_settings.workers > 1:
        raise MisconfiguredError("workers are for `spanloom collector`; `spanloom run` is one process")
    if agent_settings.nice:
        raise MisconfiguredError("nice is for `spanloom agent`; `spanloom run` is more than an agent")
    storage = open_storage(place.address)
    async with AsyncExitStack() as stack:
        collector = await stack.enter_async_context(
            parts.running_collector(collector_settings, storage.writer, sources.path)
        )
        agent = await stack.enter_async_context(parts.running_agent(agent_settings))
        pages = await stack.enter_async_context(parts.running_query(query_settings, storage))
        data = parts.Listening("Data", place.where.removeprefix("embedded:"))
        print_summary("is running", [*pages, *agent, *collector, data], _DEMO_HINTS if demo else _OWN_HINTS)
        if demo:
            await _shop_until(stop, demo_settings)
        else:
            await stop.wait()


def collector(sources: Sources) -> Coroutine[Any, Any, None] | None:
    """The collector alone: in this process, or in workers of it."""
    from spanloom_collector.settings import CollectorSettings

    settings = sources.load("collector", CollectorSettings)
    if settings.workers == 1:
        return _over_storage(
            "collector",
            sources,
            lambda storage: parts.running_collector(settings, storage.writer, sources.path),
        )
    collector_workers.run(settings, sources.load("", StorageSettings), sources.path)
    return None


async def query(sources: Sources) -> None:
    """The query API and the pages."""
    from spanloom_query.settings import QuerySettings

    settings = sources.load("query", QuerySettings)
    await _over_storage("query", sources, partial(parts.running_query, settings))


async def agent(sources: Sources) -> None:
    """The agent of this host."""
    from spanloom_agent.settings import AgentSettings

    stop = stop_signal()
    settings = sources.load("agent", AgentSettings)
    if settings.nice:
        os.setpriority(os.PRIO_PROCESS, 0, settings.nice)
    async with parts.running_agent(settings) as listening:
        await _until(stop, "agent", [*listening, parts.Listening("Collector", settings.collector)])


async def demo(sources: Sources) -> None:
    """The shop, against a Spanloom that runs already."""
    stop = stop_signal()
    settings = sources.load("demo", DemoSettings)
    print("The shop is opening …", file=sys.stderr, flush=True)
    async with parts.running_demo(settings) as listening:
        await _until(stop, "demo", [*listening, parts.Listening("Agent", settings.agent)])


def trace(_: Sources, *, arguments: argparse.Namespace) -> None:
    """Become another program, which is traced."""
    tracing.run(arguments)


async def _over_storage(
    title: str,
    sources: Sources,
    running: Callable[["Storage"], AbstractAsyncContextManager[Sequence[parts.Listening]]],
) -> None:
    from spanloom_storage.open import open_storage

    stop = stop_signal()
    place = sources.load("", StorageSettings)
    async with running(open_storage(place.address)) as listening:
        await _until(stop, title, [*listening, parts.Listening("Storage", place.where)])


async def _until(stop: asyncio.Event, title: str, listening: Sequence[parts.Listening]) -> None:
    print_summary(title, listening, ())
    await stop.wait()


async def _shop_until(stop: asyncio.Event, settings: DemoSettings) -> None:
    """Keep the shop open until the end, which may come before it has opened."""
    opened = asyncio.Event()

    async def shop() -> None:
        async with parts.running_demo(settings):
            opened.set()
            await stop.wait()

    opening = asyncio.create_task(shop())
    ending = asyncio.create_task(stop.wait())
    await asyncio.wait([opening, ending], return_when=asyncio.FIRST_COMPLETED)
    if not opened.is_set():
        opening.cancel()
    try:
        await opening
    except asyncio.CancelledError:
        pass
    except Exception as exc:  # noqa: BLE001  # what the demo has goes on without it
        print(f"The shop failed: {exc!r}", file=sys.stderr, flush=True)
        await stop.wait()
