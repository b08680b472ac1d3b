"""A storage that is open, as the tests of the contract use it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from spanloom_model.span import Span
from spanloom_storage.api import SpanReader, SpanWriter, Storage, TracePage, TraceQuery
from spanloom_storage.spans import spans_of
from spanloom_storage.testing.requests import checked_of
from spanloom_storage.testing.samples import trace_id


@dataclass(frozen=True, slots=True)
class OpenStorage:
    """A storage with both halves open."""

    writer: SpanWriter
    reader: SpanReader

    async def write(self, *spans: Span) -> None:
        """Write the spans as one batch."""
        await self.writer.write(checked_of(spans))

    async def trace(self, number: int) -> list[Span]:
        """The spans of a trace, by start."""
        found = spans_of(await self.reader.trace(trace_id(number)))
        return sorted(found, key=lambda span: (span.start_ns, span.span_id))

    async def find(self, query: TraceQuery | None = None) -> TracePage:
        """What matches, once storage has had the time that the contract allows it."""
        return await self.reader.find(query or TraceQuery())


def numbers(page: TracePage) -> Sequence[int]:
    """The traces of a page by number."""
    return [int.from_bytes(summary.trace_id, "big") for summary in page.traces]


class OnStorage:
    """Tests of one backend."""

    @pytest.fixture
    def storage(self) -> Storage:
        """The backend under test, empty."""
        pytest.fail("give the backend in a fixture called storage")

    @pytest.fixture
    async def opened(self, storage: Storage) -> AsyncIterator[OpenStorage]:
        """Both halves of it."""
        async with AsyncExitStack() as stack:
            writer = await stack.enter_async_context(storage.writer())
            reader = await stack.enter_async_context(storage.reader())
            yield OpenStorage(writer, reader)
