"""`spanloom collector` with several processes: one port, one store, nothing lost when one of them dies."""

import asyncio
import contextlib
import os
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import httpx
import pytest

from spanloom_model.ids import TraceId
from spanloom_storage.embedded import EmbeddedStorage
from spanloom_storage.testing.requests import request_of
from spanloom_storage.testing.samples import span
from tests.processes import Running, Spanloom

WORKERS = 3


@pytest.fixture
def collector(spanloom: Spanloom) -> Running:
    """Three workers at work."""
    return spanloom.start("collector", "--collector-workers", str(WORKERS))


def processes_of(collector: Running) -> list[int]:
    """The workers' process ids."""
    parent = collector.process.pid
    return [int(process) for process in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def trace_id_of(number: int) -> TraceId:
    """One for each number from 1 on."""
    return TraceId(number.to_bytes(16, "big"))


def export(collector: Running, number: int) -> bool:
    """Send one span on a connection of its own; whether it was acknowledged."""
    body = request_of([span(trace_id=trace_id_of(number))])
    headers = {"content-type": "application/x-protobuf"}
    with contextlib.closing(HTTPConnection(collector.ports.http, timeout=10)) as connection:
        try:
            connection.request("POST", "/v1/traces", body, headers)
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False


def lost(store: Path, numbers: list[int]) -> list[int]:
    """Those whose span is not in the store, or is there twice."""

    async def ask() -> list[int]:
        async with EmbeddedStorage(store).reader() as reader:
            return [number for number in numbers if (await reader.trace(trace_id_of(number))).num_rows != 1]

    return asyncio.run(ask())


def stored(collector: Running) -> int:
    """The counter of stored spans, as one of the workers tells it."""
    told = httpx.get(f"http://{collector.ports.http}/metrics").text
    found = re.search(r"^spanloom_collector_spans_stored_total\{.*\} ([\d.e+]+)$", told, re.MULTILINE)
    return int(float(found[1])) if found else 0


def test_workers_share_port_store_and_counters(collector: Running, spanloom: Spanloom) -> None:
    """Connections go to all workers, each writes segments of its own, and every one of them counts all."""
    assert "3 workers" in collector.said
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda number: export(collector, number), range(1, 201)))
    assert [stored(collector) for _ in range(10)] == [200] * 10
    writers = {path.name.partition("-")[0] for path in (spanloom.data / "segments").iterdir()}
    assert writers == {str(number) for number in range(WORKERS)}
    assert lost(spanloom.data, list(range(1, 201))) == []
    code, said = spanloom.fail("collector")
    assert code == 1
    assert "in use by another" in said
    assert collector.stop() == (0, "")


def test_killed_workers_lose_nothing_and_are_replaced(collector: Running, spanloom: Spanloom) -> None:
    """`kill -9` of two workers under load: what was acknowledged is there once, and three work again."""
    acknowledged: list[int] = []
    ending = threading.Event()

    def load(first: int) -> None:
        number = first
        while not ending.is_set():
            if export(collector, number):
                acknowledged.append(number)
            number += 4

    threads = [threading.Thread(target=load, args=(first,)) for first in range(1, 5)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        time.sleep(1)
        os.kill(processes_of(collector)[0], signal.SIGKILL)
    deadline = time.monotonic() + 20
    while len(processes_of(collector)) < WORKERS:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(1)
    ending.set()
    for thread in threads:
        thread.join()
    assert len(acknowledged) > 100
    assert lost(spanloom.data, acknowledged) == []
    code, said = collector.stop()
    assert code == 0
    assert said.count("another begins") == 2


def test_workers_end_with_the_process_that_forked_them(collector: Running, spanloom: Spanloom) -> None:
    """Even where it is killed; and the next collector, with fewer workers, takes over what they have left."""
    assert export(collector, 1)
    workers = processes_of(collector)
    collector.process.kill()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    spanloom.start("collector")
    deadline = time.monotonic() + 10
    while not list((spanloom.data / "blocks").glob("[0-9]*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert lost(spanloom.data, [1]) == []


def test_a_worker_that_cannot_begin_ends_all(spanloom: Spanloom) -> None:
    """A mistake in the settings is one sentence and exit code 1, not a circle of restarts."""
    code, said = spanloom.fail("collector", "--collector-workers", "2", "--storage", "memory:")
    assert (code, said) == (1, "spanloom: memory: is written by one process only\n")
    code, said = spanloom.fail("run", "--collector-workers", "2")
    assert (code, said.count("\n")) == (1, 1)
    assert "spanloom collector" in said
