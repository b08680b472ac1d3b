"""The pages over samples: in process, and in a real browser."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from spanloom_model.span import Span
from spanloom_ui.app import create_app
from spanloom_ui.sample_traces import NOW_NS, checkout_trace, hostile_trace, huge_trace, shop_traces
from spanloom_ui.testing import fake_query

Open = Callable[[Sequence[Sequence[Span]]], httpx.AsyncClient]


def pages_over(query: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client of the pages at the samples' time."""
    app = create_app(query, now_ns=lambda: NOW_NS)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://ui")


@pytest.fixture
def open_pages() -> Open:
    """Gives the pages over the traces wanted."""
    return lambda traces: pages_over(fake_query(traces))


@pytest.fixture
def shop() -> httpx.AsyncClient:
    """The pages of a busy shop."""
    return pages_over(fake_query(list(shop_traces())))


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    """The address of *app* on a free port, as long as the block lasts."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The address of the pages over every sample."""
    traces = [*shop_traces(30), checkout_trace(number=1000), huge_trace(2_500), hostile_trace()]
    with served(create_app(fake_query(traces), now_ns=lambda: NOW_NS)) as address:
        yield address


@pytest.fixture(scope="session")
def empty_site() -> Iterator[str]:
    """The address of the pages of a fresh install."""
    with served(create_app(fake_query([]), now_ns=lambda: NOW_NS)) as address:
        yield address
