"""Servers that end with their test."""

from collections.abc import Iterator

import pytest

from tests.instrumentation.auto.started import Server


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    """Whatever still runs at the end is killed."""
    found: list[Server] = []
    yield found
    for server in found:
        if server.process.poll() is None:
            server.process.kill()
            server.process.communicate()
