"""The agent as a whole: intake, spool, forwarder."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from starlette.applications import Starlette

from spanloom_agent import slots, udp
from spanloom_agent.app import create_app
from spanloom_agent.collectors import collectors_at
from spanloom_agent.counts import Counts
from spanloom_agent.disk import Disk
from spanloom_agent.forwarder import Forwarder
from spanloom_agent.intake import Intake
from spanloom_agent.reader import Reader
from spanloom_agent.settings import AgentSettings
from spanloom_agent.spool import Spool
from spanloom_model import address

DRAIN_S: Final = 2.0
"""How long leaving waits for a collector to take what is in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """An agent that takes datagrams."""

    http_app: Starlette
    """To be served at `AgentSettings.http_listen`."""
    udp_address: str
    """Where datagrams are taken."""


@asynccontextmanager
async def running_agent(
    settings: AgentSettings, *, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[Agent]:
    """Take datagrams and forward them until left; leaving forwards what is in memory, for two seconds.

    *transport* reaches the collectors in another way than over the network. Raises MisconfiguredError
    where a port or the spool is taken, or a collector's address is none.
    """
    counts = Counts()
    room = slots.slots()
    async with running_intake(settings, counts, transport, room.buffer) as (intake, spool, forwarder):
        bound = udp.bind(settings.udp_listen, settings.receive_buffer_bytes)
        counts.kernel_drops.read = lambda: udp.kernel_drops([bound])
        counts.receive_buffer_bytes.labels(udp.port(bound)).set(udp.buffer_bytes(bound))
        reader = Reader(bound, room, intake.take)
        try:
            yield Agent(http_app=create_app(counts, spool, forwarder), udp_address=address.of(bound))
        finally:
            reader.close()


@asynccontextmanager
async def running_intake(
    settings: AgentSettings, counts: Counts, transport: httpx.AsyncBaseTransport | None, buffer: bytearray
) -> AsyncIterator[tuple[Intake, Spool, Forwarder]]:
    """The agent but for its socket: what the intake is given goes to the collectors."""
    async with AsyncExitStack() as stack:
        collectors = collectors_at(settings.collector, transport)
        for collector in collectors:
            await stack.enter_async_context(collector.client)
        spool = Spool(
            _disk(settings, counts),
            counts,
            memory_bytes=settings.memory_bytes,
            request_bytes=settings.request_bytes,
            linger_s=settings.linger_s,
        )
        forwarder = Forwarder(spool, collectors, counts, {})
        await stack.enter_async_context(spool.running())
        forwarding = asyncio.create_task(forwarder.run())
        try:
            yield Intake(buffer, spool, counts), spool, forwarder
        finally:
            spool.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(forwarding, DRAIN_S)


def _disk(settings: AgentSettings, counts: Counts) -> Disk | None:
    if not settings.spool_dir:
        return None
    return Disk(
        Path(settings.spool_dir).expanduser(),
        counts,
        max_bytes=settings.spool_bytes,
        max_age_s=3600 * settings.spool_hours,
    )
