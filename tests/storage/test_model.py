"""All ways to store against a model that anybody can check by eye."""

import asyncio
import dataclasses
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanloom_model.span import Span
from spanloom_storage.api import AttributeCount, SpanQuery, SpanReader, Storage, TracePage, TraceQuery
from spanloom_storage.batch import SpanRequest
from spanloom_storage.conditions import Field, Owner
from spanloom_storage.embedded import EmbeddedStorage, attribute_columns, block_file, block_writer
from spanloom_storage.memory import MemoryStorage
from spanloom_storage.testing import naive
from spanloom_storage.testing.queries import FIELDS, QUERIES, SPAN_QUERIES, batches
from spanloom_storage.testing.requests import checked_of
from spanloom_storage.testing.samples import span
from tests.storage.test_embedded import Sealed

Answer = TypeVar("Answer")

SMALL_GROUPS = partial(block_writer.BlockWriter, group_spans=2)
ALL_COLUMNS = partial(attribute_columns.AttributeTable, least_values=1)


class Columns(Sealed):
    """Blocks as large ones are: of several row groups, with a column for each attribute."""

    async def write(self, request: SpanRequest) -> None:
        """As ever, with other thresholds."""
        with (
            patch.object(block_file, "BlockWriter", SMALL_GROUPS),
            patch.object(block_writer, "AttributeTable", ALL_COLUMNS),
        ):
            await super().write(request)


BACKENDS: dict[str, Callable[[Path], Storage]] = {
    "memory": lambda _: MemoryStorage(),
    "segments": EmbeddedStorage,
    "blocks": Sealed,
    "columns": Columns,
}
on_each_backend = pytest.mark.parametrize("backend", BACKENDS)
often = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


def told(backend: str, written: list[list[Span]], ask: Callable[[SpanReader], Awaitable[Answer]]) -> Answer:
    """What a backend answers after these writes."""

    async def run(storage: Storage) -> Answer:
        async with storage.writer() as writer, storage.reader() as reader:
            for batch in written:
                await writer.write(checked_of(batch))
            return await ask(reader)

    with tempfile.TemporaryDirectory() as directory:
        return asyncio.run(run(BACKENDS[backend](Path(directory) / "store")))


def flat(written: list[list[Span]]) -> list[Span]:
    """All spans of some batches."""
    return [one for batch in written for one in batch]


async def pages(find: Callable[[TraceQuery], Awaitable[TracePage]], query: TraceQuery) -> list[TracePage]:
    """One page after the other, to the end."""
    found = [await find(query)]
    while found[-1].next is not None:
        assert len(found) < 20
        found.append(await find(dataclasses.replace(query, after=found[-1].next)))
    return found


@on_each_backend
@often
@given(written=batches(repeats=True), query=QUERIES)
def test_search_finds_what_a_patient_person_would(
    backend: str, written: list[list[Span]], query: TraceQuery
) -> None:
    """Conditions, order, pages, repeats and counts, in every combination."""

    async def find(query: TraceQuery) -> TracePage:
        return naive.find(flat(written), query)

    found = told(backend, written, lambda reader: pages(reader.find, query))
    assert found == asyncio.run(pages(find, query))


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """All that statistics can be asked with."""

    query: SpanQuery
    field: Field
    limit: int
    step_ns: int
    quantiles: list[float]


QUESTIONS = st.builds(
    Question,
    query=SPAN_QUERIES,
    field=FIELDS,
    limit=st.sampled_from([1, 2, 100]),
    step_ns=st.sampled_from([1, 60, 2**62, 2**63 + 1]),
    quantiles=st.lists(st.sampled_from([0.0, 0.07, 0.25, 0.5, 0.95, 0.99, 1.0]), max_size=3),
)


@on_each_backend
@often
@given(written=batches(repeats=False), question=QUESTIONS)
def test_statistics_count_what_a_patient_person_would(
    backend: str, written: list[list[Span]], question: Question
) -> None:
    """Values, rates, errors, durations, calls and keys are exact, of whichever spans are meant."""

    async def ask(reader: SpanReader) -> list[object]:
        query, step_ns, quantiles = question.query, question.step_ns, question.quantiles
        return [
            await reader.values(question.field, query, limit=question.limit),
            await reader.counts(query, step_ns=step_ns),
            await reader.figures(query, quantiles=quantiles),
            await reader.figures(query, step_ns=step_ns, quantiles=quantiles),
            await reader.service_links(query),
            countable(await reader.attributes()),
        ]

    found, right = told(backend, written, ask), patiently(flat(written), question)
    for number, answer in enumerate(right):
        assert repr(found[number]) == repr(answer)  # as text: True is not 1 to a user


def patiently(spans: list[Span], question: Question) -> list[object]:
    """What is right."""
    query, step_ns, quantiles = question.query, question.step_ns, question.quantiles
    return [
        naive.values(spans, question.field, query, limit=question.limit),
        naive.counts(spans, query, step_ns=step_ns),
        naive.figures(spans, query, step_ns=None, quantiles=quantiles),
        naive.figures(spans, query, step_ns=step_ns, quantiles=quantiles),
        naive.service_links(spans, query),
        countable(naive.attributes(spans)),
    ]


def countable(found: Sequence[AttributeCount]) -> list[AttributeCount]:
    """Counts without those of resources and scopes, which each block counts for itself."""
    shared = {Owner.RESOURCE, Owner.SCOPE}
    return [dataclasses.replace(one, value_count=0) if one.owner in shared else one for one in found]


def test_rank_of_a_share_is_that_of_the_decimal_that_was_written() -> None:
    """The 7 % quantile of 1 to 100 is 7, though 0.07 · 100 is a little more than that."""
    table = told(
        "memory",
        [[span(number=number, duration_ns=number) for number in range(1, 101)]],
        lambda reader: reader.figures(SpanQuery(), quantiles=(0.07, 0.29, 1.0)),
    )
    assert table.rows[0].duration_ns == (7, 29, 100)
