"""Questions to a store that `ingest --keep DIR` has filled, one after the other, in this process.

python -m benchmarks.search DIR [--rounds 40] [--json FILE]

Answers are complete: traces by id with every field, lists with summaries of whole traces.
"""

import argparse
import asyncio
import random
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np

from benchmarks import measure
from benchmarks.corpus import Corpus
from spanloom_model.ids import TraceId
from spanloom_storage import otlp
from spanloom_storage.api import Place, SpanQuery, SpanReader, TraceQuery
from spanloom_storage.conditions import Attribute, Compare, Intrinsic, Operator, Owner, Spans, span_with
from spanloom_storage.embedded import EmbeddedStorage
from spanloom_storage.embedded.catalog import Catalog
from spanloom_storage.embedded.sealer import seal

LIMITS_MS = {
    "trace by id": 10,
    "newest 20 of a service": 30,
    "service + operation": 30,
    "service + operation + min duration": 30,
    "rare value, any service": 100,
    "regex on url.full": 1500,
    "RED by service and operation": 400,
}


async def everywhere(reader: SpanReader) -> list[TraceId]:
    """Traces from all over the store: twenty from each of twenty moments."""
    newest = (await reader.find(TraceQuery(limit=1))).traces[0].start_ns
    counts = await reader.counts(SpanQuery(), step_ns=10**9)
    oldest = counts.start_ns[0]
    ids: list[TraceId] = []
    for step in range(20):
        moment = oldest + (newest - oldest) * (step + 1) // 20
        after = Place(start_ns=moment, trace_id=TraceId(bytes(16)))
        ids += [summary.trace_id for summary in (await reader.find(TraceQuery(after=after))).traces]
    return ids


async def questions(reader: SpanReader) -> dict[str, Callable[[random.Random], Awaitable[object]]]:
    """Named questions that differ every time."""
    services = await reader.services()
    operations = {service: await reader.operations(service) for service in services}
    ids = await everywhere(reader)
    users = await reader.values(Attribute(Owner.SPAN, "app.order.id"), SpanQuery(), limit=300)
    rare = [str(one.value) for one in users.values]

    def of(**facts: object) -> Awaitable[object]:
        return reader.find(TraceQuery(where=span_with(**facts)))  # type: ignore[arg-type]  # named at each call

    def service_and_operation(chance: random.Random, **more: object) -> Awaitable[object]:
        service = chance.choice(services)
        return of(service=service, name=chance.choice(list(operations[service])).name, **more)

    def attribute(key: str, operator: Operator, value: str) -> Awaitable[object]:
        condition = Compare(Attribute(Owner.SPAN, key), operator, value)
        return reader.find(TraceQuery(where=Spans(condition)))

    return {
        "trace by id": lambda chance: reader.trace(chance.choice(ids)),
        "newest 20 of a service": lambda chance: of(service=chance.choice(services)),
        "service + operation": service_and_operation,
        "service + operation + min duration": lambda chance: service_and_operation(
            chance, min_duration_ns=20_000_000
        ),
        "rare value, any service": lambda chance: attribute(
            "app.order.id", Operator.EQUAL, chance.choice(rare)
        ),
        "regex on url.full": lambda chance: attribute(
            "url.full", Operator.MATCHES, f".*/{chance.randrange(10**8, 10**9)}.expand=all"
        ),
        "RED by service and operation": lambda _: reader.figures(SpanQuery()),
        "spans of one service over time": lambda chance: reader.counts(
            SpanQuery(where=Compare(Intrinsic.SERVICE, Operator.EQUAL, chance.choice(services))),
            step_ns=10**9,
        ),
        "top values of http.route": lambda _: reader.values(Attribute(Owner.SPAN, "http.route"), SpanQuery()),
        "service links": lambda _: reader.service_links(SpanQuery()),
    }


async def huge_trace_ms() -> float:
    """The best of five readings of one trace of 100,000 spans, from a block of its own, in columns."""
    directory = Path(tempfile.mkdtemp())
    try:
        async with EmbeddedStorage(directory).writer() as writer:
            for request in Corpus().requests(100_000):
                data = np.frombuffer(request.data, np.uint8).copy()
                halves = request.ids[request.ids[:, 1] < 2]
                data[halves[:, :1] + np.arange(8)] = 7
                await writer.write(otlp.checked(data.tobytes()).request)
        for path in (directory / "segments").iterdir():
            seal(Catalog(directory), path)
        times = []
        async with EmbeddedStorage(directory).reader() as reader:
            for _ in range(5):
                began = time.monotonic()
                batch = await reader.trace(TraceId(bytes([7] * 16)))
                times.append((time.monotonic() - began) * 1000)
        print(f"the huge trace has {batch.num_rows:,} spans")
        return min(times)
    finally:
        shutil.rmtree(directory)


async def run(directory: Path, rounds: int) -> list[dict[str, object]]:
    """Each question so many times."""
    huge_ms = await huge_trace_ms()
    rows: list[dict[str, object]] = [
        {"question": "a trace of 100,000 spans", "p50 ms": huge_ms, "× limit": huge_ms / 400}
    ]
    async with EmbeddedStorage(directory).reader() as reader:
        began = time.monotonic()
        await reader.find(TraceQuery())
        rows.append({"question": "first answer after start", "p50 ms": (time.monotonic() - began) * 1000})
        chance = random.Random(2)  # noqa: S311  # the same questions every time
        for name, ask in (await questions(reader)).items():
            times = []
            await ask(chance)
            for _ in range(rounds):
                began = time.monotonic()
                await ask(chance)
                times.append((time.monotonic() - began) * 1000)
            times.sort()
            rows.append(
                {
                    "question": name,
                    "p50 ms": times[len(times) // 2],
                    "p95 ms": times[int(0.95 * len(times))],
                    "p99 ms": times[-1 - len(times) // 100],
                    "× limit": times[len(times) // 2] / LIMITS_MS[name] if name in LIMITS_MS else "",
                }
            )
    return rows


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    measure.report(asyncio.run(run(arguments.directory, arguments.rounds)), to=arguments.json)


if __name__ == "__main__":
    main()
