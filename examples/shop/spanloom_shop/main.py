"""The shop's front door: starts all its processes, waits until they answer, and stops them."""

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from spanloom_shop.surroundings import SERVICES, WORKERS

START_SECONDS = 30.0
STOP_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopSettings:
    """How to run the shop."""

    agent: str = "127.0.0.1:6835"
    """Where spans go. Nothing needs to listen there: UDP does not mind."""
    rate: float = 3.0
    """Visits a second."""
    seed: int | None = None
    """The same seed gives the same visits and faults, as far as timing allows."""
    directory: Path | None = None
    """Where databases and logs are kept; None is a temporary directory, gone at the end."""
    port: int = 18080
    """The frontend's; the others take the next ones. A port that is taken is replaced by any free one."""


class Shop:
    """The shop's processes. None is started again: a service that died is said once, and missing."""

    def __init__(self, settings: ShopSettings, directory: Path) -> None:
        self._settings = settings
        self._directory = directory
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._watchers: list[asyncio.Task[None]] = []
        self._stopping = False
        self.addresses: dict[str, str] = {}
        """The URL of each service, known once the shop has started."""

    @property
    def pids(self) -> dict[str, int]:
        """The process of each service."""
        return {name: process.pid for name, process in self._processes.items()}

    async def start(self) -> None:
        """Start every process and return when the services answer, the shoppers last."""
        with ExitStack() as sockets:
            # Listening before anybody is started: no port is lost in between, and who calls
            # a service that still imports its libraries waits instead of failing.
            listening = {
                name: sockets.enter_context(listen(self._settings.port + offset))
                for offset, name in enumerate(SERVICES)
            }
            for name, own in listening.items():
                self.addresses[name] = f"http://127.0.0.1:{own.getsockname()[1]}"
            for name in (*SERVICES, *WORKERS):
                await self._start(name, listening.get(name))
        await asyncio.gather(*(until_it_answers(address) for address in self.addresses.values()))

    async def stop(self) -> None:
        """End every process: asked to, and after STOP_SECONDS made to. Safe to call twice."""
        self._stopping = True
        # The shoppers first, or the last of them would find the shop half closed.
        await self._end(["load"])
        await self._end([name for name in self._processes if name != "load"])
        await asyncio.gather(*self._watchers)

    async def _start(self, name: str, listening: socket.socket | None) -> None:
        fds = [] if listening is None else [listening.fileno()]
        with (self._directory / f"{name}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "spanloom_shop.serve", name),
                env={**os.environ, **self._environment(), "SHOP_SOCKET": "".join(map(str, fds))},
                pass_fds=fds,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us alone: we stop them in order
            )
        self._processes[name] = process
        self._watchers.append(asyncio.create_task(self._watch(name, process)))

    def _environment(self) -> Mapping[str, str]:
        settings = self._settings
        return {
            **{f"SHOP_{name.upper()}": address for name, address in self.addresses.items()},
            "SHOP_DIRECTORY": str(self._directory),
            "SHOP_PARENT": str(os.getpid()),
            "SHOP_RATE": str(settings.rate),
            "SHOP_SEED": "" if settings.seed is None else str(settings.seed),
            "SPANLOOM_AGENT": settings.agent,
        }

    async def _watch(self, name: str, process: asyncio.subprocess.Process) -> None:
        status = await process.wait()
        if not self._stopping:
            log = (self._directory / f"{name}.log").read_text(errors="replace").strip()
            reason = f": {log.splitlines()[-1]}" if log else ""
            print(f"The shop's {name} ended with status {status}{reason}", file=sys.stderr)

    async def _end(self, names: list[str]) -> None:
        ending = [self._processes[name] for name in names if name in self._processes]
        ending = [process for process in ending if process.returncode is None]
        for process in ending:
            process.terminate()
        waits = [asyncio.create_task(process.wait()) for process in ending]
        if waits:
            await asyncio.wait(waits, timeout=STOP_SECONDS)
        for process in ending:
            if process.returncode is None:
                process.kill()


@asynccontextmanager
async def running_shop(settings: ShopSettings) -> AsyncIterator[Shop]:
    """Run the shop while the block runs. Returns from its start when the services answer."""
    with ExitStack() as stack:
        directory = settings.directory
        if directory is None:
            directory = Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="shop-", ignore_cleanup_errors=True))
            )
        directory.mkdir(parents=True, exist_ok=True)
        shop = Shop(settings, directory)
        try:
            await shop.start()
            yield shop
        finally:
            await shop.stop()


def listen(port: int) -> socket.socket:
    """A socket that listens on *port*, or on any free one where that is taken."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError:
        listening.bind(("127.0.0.1", 0))
    listening.listen(128)
    return listening


async def until_it_answers(address: str) -> None:
    """Return when the service is ready, or when it is plain that it never will be."""
    async with httpx.AsyncClient(base_url=address, timeout=START_SECONDS, verify=False) as client:  # noqa: S501  # loopback, no TLS
        try:
            await client.get("/health")
        except httpx.TransportError:
            return  # it has died, which is said by whoever watches it
