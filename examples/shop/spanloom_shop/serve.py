"""One process of the shop: `python -m spanloom_shop.serve checkout`, as `main.py` starts it."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Coroutine
from contextlib import suppress
from importlib import import_module
from typing import Any

from spanloom_shop.surroundings import SERVICES, Surroundings

ORPHAN_CHECK_SECONDS = 0.5


def main() -> None:
    """Run the service that the command line names until SIGTERM, SIGINT or the death of the parent."""
    name = sys.argv[1]
    if name != "load":  # the shoppers' browsers are not traced
        from spanloom_shop.tracing import start_tracing

        start_tracing(name)
    shop = Surroundings.from_env(os.environ, service=name)
    asyncio.run(until_told_to_stop(work(name, shop)))


def work(name: str, shop: Surroundings) -> Coroutine[Any, Any, None]:
    """What this process does until it is cancelled."""
    service = import_module(f"spanloom_shop.{name}")
    if name not in SERVICES:
        return service.work(shop)  # type: ignore[no-any-return]  # imported by name
    # Only here, because a process that does not listen starts sooner and smaller without FastAPI.
    from spanloom_shop.web import serve

    return serve(service.create_app(shop), socket.socket(fileno=int(os.environ["SHOP_SOCKET"])))


async def until_told_to_stop(work: Coroutine[Any, Any, None]) -> None:
    """Run *work*, and cancel it when told to; where it fails first, so does the process."""
    working, told = asyncio.create_task(work), asyncio.create_task(stop_is_told())
    await asyncio.wait({working, told}, return_when=asyncio.FIRST_COMPLETED)
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working


async def stop_is_told() -> None:
    """Return at SIGTERM or SIGINT, or when the process that started this one is gone."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    # A parent that was killed tells nobody, but its children get another parent. Asking works on
    # every Unix; a pipe would stay open where the parent has forked processes of its own.
    parent = int(os.environ.get("SHOP_PARENT") or os.getppid())
    while not told.is_set() and os.getppid() == parent:
        with suppress(TimeoutError):
            await asyncio.wait_for(told.wait(), ORPHAN_CHECK_SECONDS)


if __name__ == "__main__":
    main()
