"""The agent as a whole: intake, spool, forwarder."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.applications import Starlette

from spanloom_agent import host_facts, intake, jaeger, slots, udp
from spanloom_agent.app import create_app
from spanloom_agent.collectors import Collector, collectors_at
from spanloom_agent.counts import Counts
from spanloom_agent.disk import Disk
from spanloom_agent.forwarder import Forwarder
from spanloom_agent.http_client import Connect, HttpClient
from spanloom_agent.intake import Intake
from spanloom_agent.jaeger import JaegerIntake
from spanloom_agent.reader import Reader
from spanloom_agent.sampling import Sampling
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
    udp_addresses: Mapping[str, str]
    """Where datagrams are taken, by door."""


@asynccontextmanager
async def running_agent(settings: AgentSettings, *, connect: Connect = HttpClient) -> AsyncIterator[Agent]:
    """Take datagrams and forward them until left; leaving forwards what is in memory, for two seconds.

    *connect* reaches the collectors in another way than over the network. Raises MisconfiguredError where
    a port or the spool is taken, or a setting is not what it should be.
    """
    counts = Counts()
    room = slots.slots()
    async with AsyncExitStack() as stack:
        pipeline = await stack.enter_async_context(running_pipeline(settings, counts, connect))
        sockets = {
            door: stack.enter_context(udp.bind(listen, settings.receive_buffer_bytes))
            for door, listen in _listens(settings).items()
        }
        counts.kernel_drops.read = lambda: udp.kernel_drops(sockets.values())
        for door, bound in sockets.items():
            counts.receive_buffer_bytes.labels(udp.port(bound)).set(udp.buffer_bytes(bound))
            take = pipeline.intake(door, room.buffer).take
            reader = Reader(bound, room, take, has_room=pipeline.spool.has_room)
            stack.callback(reader.close)
        knowing = pipeline.collectors
        if settings.sampling_from:
            knowing = _entered(settings.sampling_from, connect, stack)
        yield Agent(
            http_app=create_app(counts, pipeline.spool, pipeline.forwarder, Sampling(knowing, counts)),
            udp_addresses={door: address.of(bound) for door, bound in sockets.items()},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """The agent but for its sockets."""

    counts: Counts
    spool: Spool
    collectors: Sequence[Collector]
    forwarder: Forwarder

    def intake(self, door: str, buffer: bytearray) -> Intake | JaegerIntake:
        """What takes the datagrams in this buffer that came by a door."""
        if door == intake.DOOR:
            return Intake(buffer, self.spool, self.counts)
        return JaegerIntake(door, buffer, self.spool, self.counts)


@asynccontextmanager
async def running_pipeline(
    settings: AgentSettings, counts: Counts, connect: Connect
) -> AsyncIterator[Pipeline]:
    """Forward what is taken until left."""
    loopback = all(map(host_facts.is_loopback, _listens(settings).values()))
    headers = {host_facts.HEADER: host_facts.header(settings.host_resource, loopback=loopback)}
    async with AsyncExitStack() as stack:
        collectors = _entered(settings.collector, connect, stack)
        spool = Spool(
            _disk(settings, counts),
            counts,
            memory_bytes=settings.memory_bytes,
            request_bytes=settings.request_bytes,
            linger_s=settings.linger_s,
        )
        await stack.enter_async_context(spool.running())
        forwarder = Forwarder(spool, collectors, counts, headers)
        forwarding = asyncio.create_task(forwarder.run())
        try:
            yield Pipeline(counts=counts, spool=spool, collectors=collectors, forwarder=forwarder)
        finally:
            spool.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(forwarding, DRAIN_S)


def _listens(settings: AgentSettings) -> dict[str, str]:
    """Where to listen for each door that is open."""
    doors = {
        intake.DOOR: settings.udp_listen,
        jaeger.COMPACT: settings.jaeger_compact_listen,
        jaeger.BINARY: settings.jaeger_binary_listen,
    }
    return {door: listen for door, listen in doors.items() if listen}


def _entered(addresses: str, connect: Connect, stack: AsyncExitStack) -> Sequence[Collector]:
    collectors = collectors_at(addresses, connect)
    for collector in collectors:
        stack.push_async_callback(collector.client.close)
    return collectors


def _disk(settings: AgentSettings, counts: Counts) -> Disk | None:
    if not settings.spool_dir:
        return None
    return Disk(
        Path(settings.spool_dir).expanduser(),
        counts,
        max_bytes=settings.spool_bytes,
        max_age_s=3600 * settings.spool_hours,
    )
