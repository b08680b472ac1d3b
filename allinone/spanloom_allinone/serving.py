"""Web applications on bound sockets, and the wait for the end."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from math import ceil
from typing import Any, Final

import uvicorn

from spanloom_allinone.http_limits import HttpLimits
from spanloom_model import address

GRACE_S: Final = 1


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `stop_signal`: one process has several servers."""
        yield


@asynccontextmanager
async def serving(
    app: Any, listen: str, *, shared: bool = False, limits: HttpLimits | None = None
) -> AsyncIterator[str]:
    """Serve an ASGI application until left; yields the address that was bound.

    Several processes serve a *shared* port. Raises MisconfiguredError where the port is taken.
    """
    bound = address.bind(listen, socket.SOCK_STREAM, shared=shared)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        **({} if limits is None else {"http": limits.protocol(), "timeout_keep_alive": ceil(limits.idle_s)}),
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        while not server.started:
            await asyncio.sleep(0.005)
            if running.done():
                running.result()
        yield address.of(bound)
    finally:
        server.should_exit = True
        await running


def stop_signal() -> asyncio.Event:
    """Set by the first SIGINT or SIGTERM; a second ends the process at once."""
    stop = asyncio.Event()

    def stopping() -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping)
    return stop
