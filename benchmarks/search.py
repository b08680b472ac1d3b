"""Questions to a store that `ingest --keep DIR` has filled, one after the other, in this process.

python -m benchmarks.search DIR [--rounds 40] [--json FILE]

Answers are complete: traces by id with every field, lists with summaries of whole traces.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks import measure
from benchmarks.corpus import Corpus
from benchmarks.questions import BY_ID, NEWEST, first_answer_ms, questions, times_ms
from spanloom_model.ids import TraceId
from spanloom_storage import otlp
from spanloom_storage.embedded import EmbeddedStorage
from spanloom_storage.embedded.catalog import Catalog
from spanloom_storage.embedded.sealer import seal

LIMITS_MS: Final[Mapping[str, float]] = {
    BY_ID: 10,
    NEWEST: 30,
    "service + operation": 30,
    "service + operation + min duration": 30,
    "rare value, any service": 100,
    "regex on url.full": 1500,
    "RED by service and operation": 400,
}
HUGE_TRACE: Final = TraceId(bytes([7] * 16))
HUGE_TRACE_LIMIT_MS: Final = 400


def in_huge_trace(data: bytes) -> bytes:
    """A request whose spans are all of one trace."""
    message = ExportTraceServiceRequest.FromString(data)
    for resource_spans in message.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                span.trace_id = HUGE_TRACE
    return message.SerializeToString()


async def huge_trace_ms() -> float:
    """The best of five readings of one trace of 100,000 spans, from a block of its own, in columns."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        async with EmbeddedStorage(directory).writer() as writer:
            for request in Corpus(100_000).requests():
                await writer.write(otlp.checked(in_huge_trace(request.data)).request)
        for path in (directory / "segments").iterdir():
            seal(Catalog(directory), path)
        times = []
        async with EmbeddedStorage(directory).reader() as reader:
            for _ in range(5):
                began = time.monotonic()
                batch = await reader.trace(HUGE_TRACE)
                times.append((time.monotonic() - began) * 1000)
        print(f"the huge trace has {batch.num_rows:,} spans")
        return min(times)


async def run(directory: Path, rounds: int) -> list[dict[str, object]]:
    """Each question so many times."""
    huge_ms = await huge_trace_ms()
    rows: list[dict[str, object]] = [
        {"question": "a trace of 100,000 spans", "p50 ms": huge_ms, "× limit": huge_ms / HUGE_TRACE_LIMIT_MS}
    ]
    async with EmbeddedStorage(directory).reader() as reader:
        rows.append({"question": "first answer after start", "p50 ms": await first_answer_ms(reader)})
        for name, ask in (await questions(reader)).items():
            times = await times_ms(ask, rounds)
            p50 = measure.quantile(times, 0.5)
            rows.append(
                {
                    "question": name,
                    "p50 ms": p50,
                    "p95 ms": measure.quantile(times, 0.95),
                    "p99 ms": measure.quantile(times, 0.99),
                    "× limit": p50 / LIMITS_MS[name] if name in LIMITS_MS else "",
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
