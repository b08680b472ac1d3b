"""The shop as it is started by its users: nine processes, and an agent that is a bare UDP socket."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanloom_model import datagram
from spanloom_shop.main import Shop, ShopSettings, running_shop
from spanloom_shop.surroundings import SERVICES, WORKERS

STOP_SECONDS = 5.0


class Agent:
    """Takes datagrams and notes from which services they come."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0)
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    async def hear(self, *, count: int, seconds: float) -> set[str]:
        """The services heard of, as soon as there are *count*, or after *seconds*."""
        heard: set[str] = set()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while len(heard) < count:
                    heard |= services_of(await asyncio.get_running_loop().sock_recv(self._socket, 70_000))
        return heard

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


def services_of(data: bytes) -> set[str]:
    """The services that a datagram names."""
    message = datagram.decode(data)
    if isinstance(message, datagram.Datagram):
        return {message.service}
    return {
        attribute.value.string_value
        for resource_spans in ExportTraceServiceRequest.FromString(message).resource_spans
        for attribute in resource_spans.resource.attributes
        if attribute.key == "service.name"
    }


@pytest.fixture
def agent() -> Iterator[Agent]:
    """An agent on a port of its own."""
    agent = Agent()
    yield agent
    agent.close()


async def test_every_service_sends_spans_and_stops_when_told(agent: Agent) -> None:
    """Within seconds there is something to look at, and afterwards nothing is left running."""
    async with running_shop(ShopSettings(agent=agent.address, rate=20.0, seed=1)) as shop:
        pids = shop.pids
        heard = await agent.hear(count=7, seconds=20.0)
        began = time.monotonic()

    assert heard == {*SERVICES, "warehouse"}
    assert time.monotonic() - began < STOP_SECONDS
    assert set(pids) == {*SERVICES, *WORKERS}
    assert [name for name, pid in pids.items() if alive(pid)] == []


async def test_spans_of_the_last_moment_are_sent_at_the_end(agent: Agent) -> None:
    """What happened just before the stop is not missing from the trace."""
    async with running_shop(ShopSettings(agent=agent.address, rate=0.001, seed=1)) as shop:
        await agent.hear(count=99, seconds=1.0)  # whatever the first shopper left behind
        await look_at_home(shop)
        await shop.stop()

        assert {"frontend", "catalogue"} <= await agent.hear(count=2, seconds=1.0)


async def test_a_service_that_dies_is_said_once(capsys: pytest.CaptureFixture[str], agent: Agent) -> None:
    """The shop goes on without its cart, and whoever runs it knows why pages fail."""
    async with running_shop(ShopSettings(agent=agent.address, rate=20.0, seed=1)) as shop:
        os.kill(shop.pids["cart"], signal.SIGKILL)
        await asyncio.sleep(0.5)
        home = await look_at_home(shop)

    assert home.status_code == 200
    assert capsys.readouterr().err.splitlines() == ["The shop's cart ended with status -9"]


async def test_a_shop_whose_parent_is_killed_ends_by_itself(agent: Agent, tmp_path: Path) -> None:
    """`kill -9` of the command that started the shop leaves no process behind."""
    command = [sys.executable, "-m", "spanloom_shop", "--agent", agent.address]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}  # nobody is left to remove what it keeps there
    parent = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=environment)
    assert parent.stdout is not None
    assert b"The shop is open" in await asyncio.wait_for(parent.stdout.readline(), 20.0)
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()

    parent.kill()
    await parent.communicate()

    assert len(children) == len(SERVICES) + len(WORKERS)
    async with asyncio.timeout(STOP_SECONDS):
        while any(alive(int(pid)) for pid in children):
            await asyncio.sleep(0.1)


async def look_at_home(shop: Shop) -> httpx.Response:
    """One shopper's look at the home page."""
    async with httpx.AsyncClient(base_url=shop.addresses["frontend"], timeout=10.0) as shopper:
        return await shopper.get("/", headers={"x-user-id": "user-1"})


def alive(pid: int) -> bool:
    """Whether the process runs: one that has ended and waits to be collected does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
