"""A service of the shop on its port: FastAPI, traced, under uvicorn."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

DRAIN_SECONDS = 1
KEEP_ALIVE_SECONDS = 60
"""Longer than the clients keep a connection: where the server hangs up first, the next call fails."""


class Server(uvicorn.Server):
    """Uvicorn without its own signal handling, which ends the process before the last spans are sent."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to serve.py."""
        yield


async def serve(app: FastAPI, listening: socket.socket) -> None:
    """Answer until cancelled, then let the requests that are under way end."""

    @app.get("/health")
    async def health() -> str:
        return "ready"

    trace_requests(app)
    server = Server(
        uvicorn.Config(
            app,
            log_level="warning",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise


def trace_requests(app: FastAPI) -> None:
    """Give every request to *app* a SERVER span, the child of the caller's span."""
    # The spans that ASGI makes for each receive and send say nothing that the SERVER span does not.
    FastAPIInstrumentor.instrument_app(app, excluded_urls="/health", exclude_spans=["receive", "send"])
