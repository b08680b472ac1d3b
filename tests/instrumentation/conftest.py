"""Where spans go in these tests."""

import socket
from collections.abc import Iterator

import pytest

from tests.instrumentation.doubles import AgentDouble, Traced, traced
from tests.instrumentation.made import made

__all__ = ["made"]


@pytest.fixture
def agent() -> Iterator[AgentDouble]:
    """An agent that only listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**22)
        udp.bind(("127.0.0.1", 0))
        found = AgentDouble(udp)
        yield found
        found.close()


@pytest.fixture
def here() -> Iterator[Traced]:
    """A provider as `configure` makes it, whose datagrams the test reads."""
    found = traced()
    yield found
    found.provider.shutdown()
