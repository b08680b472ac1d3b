"""Several collectors: each has turns, one that fails is left out, and comes back by itself."""

import asyncio

import httpx
import pytest

from spanloom_agent.agent import running_agent
from spanloom_agent.settings import AgentSettings
from spanloom_model.errors import MisconfiguredError
from tests.agent.in_process import ALONE, GOOD, CollectorDouble, agent_before, answer, metric, send, until

ADDRESSES = ("http://one:4318", "http://two:4318", "http://three:4318")


class Collectors:
    """Three of them, told apart by their host's name."""

    def __init__(self) -> None:
        self.doubles = {httpx.URL(address).host: CollectorDouble() for address in ADDRESSES}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        return self.doubles[request.url.host](request)

    async def wait_for(self, count: int) -> None:
        """Wait until they have so many messages, all together."""
        await until(lambda: sum(len(one.taken) for one in self.doubles.values()) == count * len(GOOD))


async def test_collectors_have_turns() -> None:
    """Little traffic, too, is spread over all of them."""
    collectors = Collectors()
    async with agent_before(collectors, collector=",".join(ADDRESSES), linger_s=0) as agent:
        for number in range(30):
            send(agent, GOOD)
            await collectors.wait_for(number + 1)
    assert [len(double.requests) for double in collectors.doubles.values()] == [10, 10, 10]


async def test_one_that_fails_is_left_out_until_it_works_again() -> None:
    """One collector's end costs a few attempts and no span; its restart needs nobody's hand."""
    collectors = Collectors()
    two = collectors.doubles["two"]
    two.status = 503
    async with agent_before(collectors, collector=", ".join(ADDRESSES), linger_s=0) as agent:
        for number in range(50):
            send(agent, GOOD)
            await collectors.wait_for(number + 1)
        assert len(two.requests) < 10
        assert (await answer(agent, "/health"))["reason"] == "the collector at http://two:4318 answers 503"
        assert await metric(agent, "spanloom_agent_spool_bytes") == 0
        retried = await metric(agent, "spanloom_agent_requests_total", collector=ADDRESSES[1])
        assert retried == len(two.requests)
        two.status = 200
        async with asyncio.timeout(10):
            while not two.taken:
                send(agent, GOOD)
                await asyncio.sleep(0.01)
        assert await answer(agent, "/health") == {"status": "ok"}


async def test_one_that_asks_for_time_gets_it() -> None:
    """A collector with too much to do says for how long; the others do its work meanwhile."""
    collectors = Collectors()
    asked: list[float] = []

    def overloaded(request: httpx.Request) -> httpx.Response:
        if request.url.host != "one":
            return collectors(request)
        asked.append(asyncio.get_running_loop().time())
        return httpx.Response(429, headers={"Retry-After": "1"})

    async with agent_before(overloaded, collector=",".join(ADDRESSES[:2]), linger_s=0) as agent:
        until_s = asyncio.get_running_loop().time() + 0.8
        count = 0
        while asyncio.get_running_loop().time() < until_s:
            send(agent, GOOD)
            count += 1
            await collectors.wait_for(count)
    assert 1 <= len(asked) <= 2, "one attempt of each of its two tasks"


@pytest.mark.parametrize(
    "addresses",
    [
        "localhost:4318",
        "http://[bad",
        "ftp://x",
        "http://one:4318,",
        "http://one:4318 http://two:4318",
        "http://:1",
    ],
)
async def test_address_that_is_none_is_one_sentence(addresses: str) -> None:
    """What someone would type without thinking is told at start, not retried for ever."""
    settings = AgentSettings(**{**ALONE, "collector": addresses})  # type: ignore[arg-type]  # as in agent_before
    with pytest.raises(MisconfiguredError, match="a collector's address is a URL"):
        async with running_agent(settings):
            pass
