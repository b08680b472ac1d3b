"""More than fits in memory: the rest is asked to come back, and takes none."""

import asyncio
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from spanloom_storage.testing.requests import request_of
from spanloom_storage.testing.samples import span
from tests.collector.inside import HttpDoor, http_door
from tests.collector.test_jaeger import THRIFT, thrift

PROTOBUF = {"content-type": "application/x-protobuf"}
PENDING_BYTES = 2**20
TIMES = 20
BODIES = {
    "http_listen": ("/v1/traces", request_of([span(1, number) for number in range(1, 600)]), PROTOBUF),
    "jaeger_http_listen": ("/api/traces", thrift(*range(1, 600)), THRIFT),
    "zipkin_listen": (
        "/api/v2/spans",
        b"[%b]"
        % b",".join(b'{"traceId":"a","id":"%d","name":"%0100d"}' % (number, 7) for number in range(1, 400)),
        {},
    ),
}


async def pieces(body: bytes) -> AsyncIterator[bytes]:
    """As they come over a network."""
    for begin in range(0, len(body), 10_000):
        yield body[begin : begin + 10_000]
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("setting", BODIES)
async def test_memory_is_that_of_what_may_be_pending(setting: str) -> None:
    """Twenty times as much, while the disk hangs: most are refused, and those that are taken are stored."""
    path, body, headers = BODIES[setting]

    async def send(door: HttpDoor) -> int:
        return (await door.client.post(path, content=pieces(body), headers=headers)).status_code

    async with http_door(setting, max_pending_bytes=PENDING_BYTES) as door:
        assert await send(door) in {200, 202}
        once = len(door.store.stored)
        door.store.disk.clear()
        tracemalloc.start()
        sending = [asyncio.create_task(send(door)) for _ in range(TIMES * PENDING_BYTES // len(body))]
        async with asyncio.timeout(60):
            while sum(not one.done() for one in sending) * len(body) > PENDING_BYTES:
                await asyncio.sleep(0.05)
        most_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        door.store.disk.set()
        statuses = Counter(await asyncio.gather(*sending))
    taken = statuses[200] + statuses[202]
    assert len(door.store.stored) == once * (1 + taken)
    assert 0 < taken * len(body) <= PENDING_BYTES
    assert statuses[429] + statuses[500] == len(sending) - taken
    assert most_bytes < TIMES * PENDING_BYTES / 2
