"""The agent as a whole: intake, spool, forwarder."""

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx
from starlette.applications import Starlette

from spanloom_agent.app import create_app
from spanloom_agent.counts import Counts
from spanloom_agent.forwarder import Forwarder
from spanloom_agent.intake import Intake
from spanloom_agent.settings import AgentSettings
from spanloom_agent.spool import Spool
from spanloom_model import address
from spanloom_model.errors import MisconfiguredError

DRAIN_S: Final = 2.0
"""How long leaving waits for the collector to take what is spooled."""
REQUEST_TIMEOUT_S: Final = 10.0

_SO_RCVBUFFORCE: Final = 33
"""socket(7); Python has no name for it."""

_log = logging.getLogger(__name__)


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
    """Take datagrams and forward them until left; leaving forwards what is spooled, for two seconds.

    *transport* reaches the collector in another way than over the network. Raises
    MisconfiguredError where the port is taken or the collector's address is none.
    """
    counts = Counts()
    async with running_intake(settings, counts, transport) as (intake, forwarder):
        udp = _udp_socket(settings)
        loop = asyncio.get_running_loop()
        endpoint, _ = await loop.create_datagram_endpoint(lambda: intake, sock=udp)
        try:
            yield Agent(http_app=create_app(counts, forwarder), udp_address=address.of(udp))
        finally:
            endpoint.close()


@asynccontextmanager
async def running_intake(
    settings: AgentSettings, counts: Counts, transport: httpx.AsyncBaseTransport | None
) -> AsyncIterator[tuple[Intake, Forwarder]]:
    """The agent but for its socket: what the intake is given goes to the collector."""
    spool = Spool(settings.spool_bytes, counts)
    async with _client(settings, transport) as client:
        forwarder = Forwarder(
            spool, client, counts, request_bytes=settings.request_bytes, linger_s=settings.linger_s
        )
        forwarding = asyncio.create_task(forwarder.run())
        try:
            yield Intake(spool, counts), forwarder
        finally:
            spool.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(forwarding, DRAIN_S)
            if forwarder.undelivered:
                _log.warning("%d datagrams could not be delivered and are gone", forwarder.undelivered)


def _client(settings: AgentSettings, transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    try:
        parts = urlsplit(settings.collector)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise MisconfiguredError(
            f"the collector's address is a URL, as in http://127.0.0.1:4318, not {settings.collector!r}"
        )
    return httpx.AsyncClient(
        base_url=settings.collector, transport=transport, timeout=REQUEST_TIMEOUT_S, trust_env=False
    )


def _udp_socket(settings: AgentSettings) -> socket.socket:
    udp = address.bind(settings.udp_listen, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, settings.receive_buffer_bytes)
    if sys.platform == "linux":
        # Beyond net.core.rmem_max, where this process is allowed to.
        with contextlib.suppress(PermissionError):
            udp.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, settings.receive_buffer_bytes)
    udp.settimeout(0)
    return udp
