"""What operators ask of any port."""

import pytest

from spanloom_storage.errors import Unavailable
from spanloom_storage.testing.requests import request_of
from spanloom_storage.testing.samples import span
from tests.collector.inside import http_door

PROTOBUF = {"content-type": "application/x-protobuf"}


@pytest.mark.parametrize("setting", ["http_listen", "jaeger_http_listen", "zipkin_listen"])
async def test_every_port_tells_how_it_is(setting: str) -> None:
    """A probe needs no other port than the one that it is about."""
    async with http_door(setting) as door:
        assert (await door.client.get("/health")).json() == {"status": "ok"}
        assert (await door.client.get("/ready")).json() == {"status": "ready"}
        assert "spanloom_collector_requests_total" in await door.metrics()


async def test_trouble_is_told_to_whoever_shares_out_the_load() -> None:
    """A collector that cannot store is alive, and not the one to send spans to just now."""
    async with http_door("http_listen") as door:
        door.store.trouble = Unavailable("the disk is full")
        await door.post("/v1/traces", request_of([span()]), PROTOBUF)
        health, ready = [await door.client.get(path) for path in ("/health", "/ready")]
        assert (health.status_code, health.json()["status"]) == (200, "degraded")
        assert (ready.status_code, ready.json()) == (503, {"status": "unready", "reason": "the disk is full"})
        door.store.trouble = None
        await door.post("/v1/traces", request_of([span()]), PROTOBUF)
        assert (await door.client.get("/ready")).status_code == 200
