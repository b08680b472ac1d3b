"""The agent: datagrams in, OTLP requests out, through a real UDP socket and a collector in process."""

import asyncio

import httpx
import pytest
from backports import zstd

from spanloom_agent.batch import OVERHEAD_BYTES
from spanloom_model import datagram, wire
from spanloom_model.datagram import Datagram
from spanloom_model.errors import MisconfiguredError
from tests.agent.in_process import (
    BAD,
    GOOD,
    CollectorDouble,
    agent_before,
    metric,
    numbered,
    send,
    until,
    until_metric,
    wait_for_datagrams,
)


async def test_datagrams_are_put_together_and_forwarded() -> None:
    """Many small datagrams reach the collector in few requests, byte for byte."""
    collector = CollectorDouble()
    async with agent_before(collector) as agent:
        send(agent, *(numbered(n) for n in range(20)), GOOD)
        await until(lambda: len(collector.taken) == 21 * len(GOOD))
    assert collector.taken == 21 * GOOD
    assert len(collector.requests) < 10


async def test_compressed_datagrams_are_forwarded_as_what_they_hold() -> None:
    """Compression is between application and agent alone."""
    packed = Datagram(sender=1, service="s", sequence=0, span_count=1, zstd=True, payload=zstd.compress(GOOD))
    collector = CollectorDouble()
    async with agent_before(collector) as agent:
        send(agent, datagram.encode(packed))
        await until(lambda: collector.taken == GOOD)


async def test_lost_spans_are_counted_by_service() -> None:
    """What UDP loses is a figure, not a guess; what comes late was not lost."""
    async with agent_before(CollectorDouble()) as agent:
        send(agent, numbered(100, 10), numbered(130, 5), numbered(140, 5))
        await wait_for_datagrams(agent, 3)
        assert await metric(agent, "spanloom_agent_spans_lost", service="shop") == 25
        send(agent, numbered(110, 20))
        await wait_for_datagrams(agent, 4)
        assert await metric(agent, "spanloom_agent_spans_lost", service="shop") == 5
        assert await metric(agent, "spanloom_agent_spans_received_total", service="shop") == 40


async def test_what_applications_gave_up_on_is_counted_once() -> None:
    """The total that each datagram repeats adds up over senders and never twice."""
    async with agent_before(CollectorDouble()) as agent:
        send(agent, numbered(0, dropped_count=3), numbered(1, dropped_count=5))
        send(agent, numbered(2, dropped_count=5), numbered(0, dropped_count=2, sender=8))
        await wait_for_datagrams(agent, 4)
        assert await metric(agent, "spanloom_agent_spans_dropped_by_senders_total") == 7


async def test_agent_accounts_for_what_came_before_it() -> None:
    """An agent that is started later knows how many spans there were, and does not call them lost."""
    async with agent_before(CollectorDouble()) as agent:
        send(agent, numbered(100, 10, dropped_count=3), numbered(110, 5, dropped_count=4))
        await wait_for_datagrams(agent, 2)
        assert await metric(agent, "spanloom_agent_spans_earlier_total", service="shop") == 103
        assert await metric(agent, "spanloom_agent_spans_received_total", service="shop") == 15
        assert await metric(agent, "spanloom_agent_spans_dropped_by_senders_total", service="shop") == 1
        assert await metric(agent, "spanloom_agent_spans_lost", service="shop") == 0


async def test_sender_that_ends_shows_what_was_lost_of_its_last_spans() -> None:
    """The last spans of a process are missed like all others; its last word is nothing for a collector."""
    end = Datagram(sender=7, service="shop", sequence=30, span_count=0, dropped_count=2, payload=b"")
    collector = CollectorDouble()
    async with agent_before(collector) as agent:
        send(agent, numbered(0, 10), datagram.encode(end))
        await wait_for_datagrams(agent, 2)
        assert await metric(agent, "spanloom_agent_spans_lost", service="shop") == 20
        assert await metric(agent, "spanloom_agent_spans_dropped_by_senders_total", service="shop") == 2
        await until(lambda: len(collector.taken) > 0)
    assert collector.taken == GOOD


@pytest.mark.parametrize(
    "noise",
    [
        b"",
        b"hello",
        b"SPLM",
        b"\x0a\x7f",
        numbered(0)[:40],
        datagram.encode(Datagram(sender=1, service="s", sequence=0, span_count=1, payload=GOOD[:-1])),
        datagram.encode(Datagram(sender=1, service="s", sequence=0, span_count=1, payload=GOOD, zstd=True)),
        datagram.encode(
            Datagram(
                sender=1,
                service="s",
                sequence=0,
                span_count=1,
                zstd=True,
                payload=zstd.compress(wire.field(1, bytes(50_000_000))),
            )
        ),
    ],
    ids=["empty", "text", "magic", "torn-bare", "torn-header", "torn-payload", "no-zstd", "bomb"],
)
async def test_noise_costs_one_count_and_no_neighbour(noise: bytes) -> None:
    """Whatever arrives on the port, spans from others go on to the collector."""
    collector = CollectorDouble()
    async with agent_before(collector) as agent:
        send(agent, noise, GOOD)
        await until(lambda: collector.taken == GOOD)
        assert await metric(agent, "spanloom_agent_datagrams_total", outcome="malformed") == 1


async def test_one_datagram_that_the_collector_refuses_costs_only_itself() -> None:
    """A client that sends broken spans does not take its neighbours' down with them."""
    collector = CollectorDouble()
    async with agent_before(collector) as agent:
        send(agent, GOOD, GOOD, BAD, GOOD, GOOD)
        await until(lambda: len(collector.taken) == 4 * len(GOOD))
        await until_metric(agent, "spanloom_agent_datagrams_dropped_total", 1)
    assert collector.taken == 4 * GOOD


async def test_spans_wait_for_a_collector_that_is_away() -> None:
    """A collector's restart loses nothing that the agent has taken."""
    collector = CollectorDouble(status=503)
    async with agent_before(collector) as agent:
        send(agent, GOOD)
        await until(lambda: len(collector.requests) >= 2)
        collector.status = 200
        await until(lambda: collector.taken == GOOD)


async def test_memory_is_bounded_and_the_oldest_go_first() -> None:
    """Without a disk, a collector that is away for long does not fill the host's memory."""
    collector = CollectorDouble(status=503)
    one = len(GOOD) + OVERHEAD_BYTES
    async with agent_before(collector, memory_bytes=4 * one) as agent:
        send(agent, *[GOOD] * 10)
        await wait_for_datagrams(agent, 10)
        await until_metric(agent, "spanloom_agent_datagrams_dropped_total", 6, reason="memory_full")
        collector.status = 200
        await until(lambda: len(collector.taken) == 4 * len(GOOD))


async def test_collector_that_comes_back_while_the_agent_leaves_gets_everything() -> None:
    """Stopping the agent in the middle of a long pause between attempts loses nothing."""
    collector = CollectorDouble(status=503)
    async with agent_before(collector) as agent:
        send(agent, *[GOOD] * 3)
        await until(lambda: len(collector.requests) >= 3)
        collector.status = 200
    assert collector.taken == 3 * GOOD


async def test_what_is_given_up_at_the_end_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """Metrics are gone with the process, so the log says how much was lost with it."""
    async with agent_before(CollectorDouble(status=503)) as agent:
        send(agent, GOOD, GOOD)
        await wait_for_datagrams(agent, 2)
    assert "2 datagrams could not be delivered and are gone" in caplog.text


async def test_health_says_when_the_collector_is_away() -> None:
    """An operator sees at once why no traces come."""
    collector = CollectorDouble(status=503)
    async with agent_before(collector) as agent:
        transport = httpx.ASGITransport(agent.http_app)
        async with httpx.AsyncClient(transport=transport, base_url="http://agent") as client:
            assert (await client.get("/health")).json() == {"status": "ok"}
            send(agent, GOOD)
            await until(lambda: len(collector.requests) >= 2)
            assert (await client.get("/health")).json() == {
                "status": "degraded",
                "reason": "the collector at http://127.0.0.1:4318 answers 503",
            }
            collector.status = 200
            await until(lambda: collector.taken == GOOD)
            await asyncio.sleep(0.05)
            assert (await client.get("/health")).json() == {"status": "ok"}


async def test_wrong_address_behind_the_collectors_name_costs_nothing() -> None:
    """A proxy that answers 404 for a while is waited for, not fed with halves."""
    collector = CollectorDouble(status=404)
    async with agent_before(collector) as agent:
        send(agent, *[GOOD] * 8)
        await until(lambda: len(collector.requests) >= 2)
        collector.status = 200
        await until(lambda: collector.taken == 8 * GOOD)


async def test_duplicated_datagram_is_received_once() -> None:
    """A network that doubles datagrams does not double the figures."""
    async with agent_before(CollectorDouble()) as agent:
        send(agent, numbered(0, 5), numbered(0, 5))
        await wait_for_datagrams(agent, 2)
        assert await metric(agent, "spanloom_agent_spans_received_total") == 5


async def test_leaving_forwards_what_is_spooled() -> None:
    """Stopping an agent in order loses nothing."""
    collector = CollectorDouble()
    async with agent_before(collector) as agent:
        send(agent, GOOD)
        await wait_for_datagrams(agent, 1)
    assert collector.taken == GOOD


async def test_port_in_use_is_one_sentence() -> None:
    """Two agents on one port: the second says so."""
    async with agent_before(CollectorDouble()) as agent:
        with pytest.raises(MisconfiguredError, match=r"UDP 127\.0\.0\.1:\d+ is in use by another program"):
            async with agent_before(CollectorDouble(), udp_listen=agent.udp_addresses["otlp"]):
                pass
