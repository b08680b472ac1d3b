"""The shoppers."""

import asyncio
import random
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from spanloom_shop import load
from spanloom_shop.faults import Faults
from spanloom_shop.surroundings import Surroundings

VISITS = 60


async def visits(seed: int | None, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Who comes to do what, up to VISITS of them."""
    seen: list[tuple[str, int]] = []

    async def note(name: str, shopper: load.Shopper) -> None:
        seen.append((name, shopper.product()))

    monkeypatch.setattr(load, "pay_visit", note)
    surroundings = Surroundings(
        client=lambda _: httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200))),
        directory=Path(),
        faults=Faults(seed=seed, service="load"),
        seed=seed,
        rate=100_000.0,
    )
    work = asyncio.create_task(load.work(surroundings))
    while len(seen) < VISITS:
        await asyncio.sleep(0.001)
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work
    return seen[:VISITS]


async def test_the_same_seed_brings_the_same_shoppers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run with a seed can be run again, by somebody who looks for a reason."""
    first = await visits(11, monkeypatch)

    assert await visits(11, monkeypatch) == first
    assert await visits(12, monkeypatch) != first
    assert {name for name, _ in first} == set(load.VISITS)


def test_a_service_has_its_own_run_of_luck() -> None:
    """With one seed for all, two services still do not fail in step; the same service does each time."""

    def luck(service: str) -> list[bool]:
        faults = Faults(seed=3, service=service)
        return [faults.strike("any", chance=0.5) for _ in range(50)]

    assert luck("cart") == luck("cart")
    assert luck("cart") != luck("payment")


async def test_a_shopper_leaves_a_shop_that_does_not_answer() -> None:
    """The load generator outlives the services that it visits."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(refuse), base_url="http://shop") as frontend:
        await load.pay_visit("browse", load.Shopper(frontend, random.Random(1), "browse"))  # noqa: S311  # shoppers, not secrets
