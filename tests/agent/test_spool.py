"""What waits for a collector: on the disk, across restarts, bounded, and in turn with what is new."""

import asyncio
import re
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanloom_agent.agent import Agent
from spanloom_agent.batch import Filling
from spanloom_agent.counts import Counts
from spanloom_agent.disk import Disk
from spanloom_model.datagram import Datagram, encode
from spanloom_model.envelope import seal
from spanloom_model.errors import MisconfiguredError
from tests.agent.in_process import CollectorDouble, agent_before, answer, metric, send, until, until_metric

AWAY = 503


def message(number: int, size: int = 20) -> bytes:
    """A message that is not like any other."""
    return seal([(b"", b"", f"span {number:>6}".encode().ljust(size))])


def one_span(number: int, size: int = 20) -> bytes:
    """Its datagram, of one span."""
    payload = message(number, size)
    return encode(Datagram(sender=7, service="shop", sequence=number, span_count=1, payload=payload))


def numbers(taken: bytes) -> list[int]:
    """Which messages a collector has, each as often as it came."""
    return sorted(int(found) for found in re.findall(rb"span +(\d+)", taken))


async def spooled(agent: Agent, count: int) -> None:
    """Wait until so many datagrams are taken, and all of them on the disk or gone."""
    await until_metric(agent, "spanloom_agent_datagrams_total", count, outcome="taken")
    await until_metric(agent, "spanloom_agent_spool_bytes", 0, where="memory")


async def dropped(agent: Agent, reason: str) -> tuple[float, float]:
    """(datagrams, spans) that are gone for a reason."""
    return (
        await metric(agent, "spanloom_agent_datagrams_dropped_total", reason=reason),
        await metric(agent, "spanloom_agent_spans_dropped_total", reason=reason),
    )


async def fill(directory: Path, count: int, size: int = 20) -> None:
    """Leave datagrams in a spool, each in a batch of its own, as an agent without a collector does."""
    async with agent_before(
        CollectorDouble(status=AWAY), spool_dir=str(directory), request_bytes=size
    ) as agent:
        send(agent, *(one_span(number, size) for number in range(count)))
        await spooled(agent, count)
        assert await metric(agent, "spanloom_agent_datagrams_dropped_total") == 0


async def test_restart_of_agent_and_collector_loses_nothing(tmp_path: Path) -> None:
    """What one agent could not deliver, the next one does; then the disk is empty again."""
    await fill(tmp_path, 100)
    collector = CollectorDouble()
    async with agent_before(collector, spool_dir=str(tmp_path)) as agent:
        await until(lambda: len(collector.taken) == 100 * len(message(0)))
        await until_metric(agent, "spanloom_agent_spool_bytes", 0)
    assert numbers(collector.taken) == list(range(100))
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


async def test_what_was_delivered_is_not_sent_again(tmp_path: Path) -> None:
    """An agent that ends in the middle of a long spool goes on where it was."""
    await fill(tmp_path, 100)
    collector = CollectorDouble()
    async with agent_before(collector, spool_dir=str(tmp_path), request_bytes=200):
        await until(lambda: len(collector.requests) >= 3)
        collector.status = AWAY
    assert len(collector.taken) < 100 * len(message(0))
    collector.status = 200
    async with agent_before(collector, spool_dir=str(tmp_path)) as agent:
        await until_metric(agent, "spanloom_agent_spool_bytes", 0)
    assert numbers(collector.taken) == list(range(100))


async def test_collector_that_comes_back_gets_what_waits_on_the_disk(tmp_path: Path) -> None:
    """Nobody needs to restart an agent."""
    collector = CollectorDouble(status=AWAY)
    async with agent_before(collector, spool_dir=str(tmp_path)) as agent:
        send(agent, *map(one_span, range(50)))
        await spooled(agent, 50)
        assert await metric(agent, "spanloom_agent_spool_bytes", where="disk") > 50 * len(message(0))
        collector.status = 200
        await until(lambda: len(collector.taken) == 50 * len(message(0)))
        await until_metric(agent, "spanloom_agent_spool_bytes", 0)


async def test_disk_is_bounded_and_the_oldest_go_first(tmp_path: Path) -> None:
    """A collector that is away for long does not fill the host's disk; what is lost is counted exactly."""
    count, size = 300, 1000
    collector = CollectorDouble(status=AWAY)
    async with agent_before(
        collector, spool_dir=str(tmp_path), spool_bytes=100_000, request_bytes=4000
    ) as agent:
        send(agent, *(one_span(number, size) for number in range(count)))
        await spooled(agent, count)
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 100_000
        gone, spans_gone = await dropped(agent, "spool_full")
        assert gone == spans_gone > 0
        collector.status = 200
        await until(lambda: len(collector.taken) == (count - gone) * len(message(0, size)))
    assert numbers(collector.taken) == list(range(int(gone), count))


async def test_what_is_too_old_is_dropped(tmp_path: Path) -> None:
    """Nobody looks at traces of last month: they go, and are counted."""
    await fill(tmp_path, 10)
    await asyncio.sleep(0.1)
    collector = CollectorDouble()
    async with agent_before(collector, spool_dir=str(tmp_path), spool_hours=0.05 / 3600) as agent:
        send(agent, one_span(10))
        await until(lambda: collector.taken == message(10))
        assert await dropped(agent, "spool_age") == (10, 10)
        assert await metric(agent, "spanloom_agent_spool_bytes", where="disk") == 0


async def test_torn_end_costs_only_itself(tmp_path: Path) -> None:
    """An agent that was killed while it wrote: the batch that it had not finished is lost and counted."""
    await fill(tmp_path, 10)
    newest = max(tmp_path.glob("*.spool"))
    with newest.open("r+b") as file:
        file.truncate(newest.stat().st_size - 5)
    collector = CollectorDouble()
    async with agent_before(collector, spool_dir=str(tmp_path)) as agent:
        await until(lambda: len(collector.taken) >= len(message(0)))
        gone, spans_gone = await dropped(agent, "damaged")
        assert gone == spans_gone > 0
        await until(lambda: len(collector.taken) == (10 - gone) * len(message(0)))


def test_no_damage_reaches_a_collector(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whichever bytes change or are missing: what is read was written so, and reading never fails."""

    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.integers(0, 10**6), st.integers(0, 255), st.booleans())
    def check(place: int, value: int, cut: bool) -> None:  # noqa: FBT001  # Hypothesis gives it
        directory = tmp_path_factory.mktemp("spool")
        written = write_batches(directory)
        path = next(directory.glob("*.spool"))
        data = bytearray(path.read_bytes())
        place %= len(data)
        if cut:
            del data[place:]
        else:
            data[place] = value
        path.write_bytes(data)
        read = read_batches(directory)
        assert set(read) <= set(written)
        shutil.rmtree(directory)

    check()


def write_batches(directory: Path) -> list[bytes]:
    """Three batches of three messages in a file, as they should be read."""
    disk = Disk(directory, Counts(), max_bytes=2**20, max_age_s=3600)
    disk.open()
    written = []
    for first in (0, 3, 6):
        messages = [message(first + more) for more in range(3)]
        filling = Filling()
        filling.add(messages, [len(one) for one in messages], [1, 1, 1])
        disk.append(filling.batch())
        written.append(b"".join(messages))
    disk.close()
    return written


def read_batches(directory: Path) -> list[bytes]:
    """What a spool holds, batch by batch."""
    disk = Disk(directory, Counts(), max_bytes=2**20, max_age_s=3600)
    disk.open()
    read = []
    while batch := disk.take(0):
        read.append(b"".join(batch.pieces))
        disk.delivered(batch.places)
    assert (disk.waiting, disk.size_bytes) == (0, 0)
    disk.close()
    return read


async def test_spool_is_one_agents(tmp_path: Path) -> None:
    """Two agents on one directory would send everything twice: the second one says so."""
    async with agent_before(CollectorDouble(), spool_dir=str(tmp_path)):
        with pytest.raises(MisconfiguredError, match="is in use by another agent"):
            async with agent_before(CollectorDouble(), spool_dir=str(tmp_path)):
                pass


async def test_directory_that_cannot_be_is_one_sentence(tmp_path: Path) -> None:
    """A mistyped path is told at start."""
    (tmp_path / "file").touch()
    with pytest.raises(MisconfiguredError, match=r"the spool .*/file/spool cannot be used: Not a directory"):
        async with agent_before(CollectorDouble(), spool_dir=str(tmp_path / "file" / "spool")):
            pass


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """A disk with no more room, as far as this process can tell."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_full_disk_costs_counted_drops(tmp_path: Path) -> None:
    """Where the disk takes no more, the oldest in memory go; all is counted, and it goes on by itself."""
    count, size = 100, 1000
    collector = CollectorDouble(status=AWAY)
    async with agent_before(collector, spool_dir=str(tmp_path), memory_bytes=40_000) as agent:
        with no_file_larger_than(25_000):
            for number in range(count):
                send(agent, one_span(number, size))
                await asyncio.sleep(0.001)
            await until_metric(agent, "spanloom_agent_datagrams_total", count, outcome="taken")
            await until_some(agent, "spanloom_agent_spool_writes_failed_total")
            assert "the disk does not take what waits" in await trouble(agent)
        collector.status = 200
        await until_metric(agent, "spanloom_agent_spool_bytes", 0)
        gone, spans_gone = await dropped(agent, "memory_full")
        assert gone == spans_gone
        await until(lambda: len(collector.taken) == (count - gone) * len(message(0, size)))


async def test_messages_as_large_as_memory_are_kept_or_counted(tmp_path: Path) -> None:
    """The smallest memory and the largest datagrams: none is lost without being counted."""
    count, size = 60, 60_000
    collector = CollectorDouble(status=AWAY)
    async with agent_before(collector, spool_dir=str(tmp_path), memory_bytes=2**16) as agent:
        send(agent, *(one_span(number, size) for number in range(count)))
        await spooled(agent, count)
        gone, spans_gone = await dropped(agent, "memory_full")
        assert gone == spans_gone
        collector.status = 200
        await until(lambda: len(collector.taken) == (count - gone) * len(message(0, size)))


async def until_some(agent: Agent, name: str) -> None:
    """Wait until something has been counted."""
    async with asyncio.timeout(5):
        while not await metric(agent, name):
            await asyncio.sleep(0.01)


async def trouble(agent: Agent) -> str:
    """What /health says."""
    return str((await answer(agent, "/health"))["reason"])


async def test_old_spans_do_not_keep_fresh_ones_waiting(tmp_path: Path) -> None:
    """While hours of spans come off the disk, a new trace is there after a request or two."""
    await fill(tmp_path, 200, 1000)
    collector = CollectorDouble()
    async with agent_before(collector, spool_dir=str(tmp_path), request_bytes=1000, linger_s=0) as agent:
        await until(lambda: len(collector.requests) >= 3)
        begun = len(collector.requests)
        send(agent, one_span(999_999))
        await until(lambda: message(999_999) in collector.taken)
        place = next(n for n, body in enumerate(collector.requests) if message(999_999) in body)
        assert place - begun < 50
        await until(lambda: len(collector.taken) == 200 * len(message(0, 1000)) + len(message(0)))
    assert len(collector.requests) >= 100, "the backlog is long enough to be noticed"
