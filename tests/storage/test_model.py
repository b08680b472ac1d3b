"""All ways to store against a model that anybody can check by eye."""

import asyncio
import dataclasses
import tempfile
from collections.abc import Awaitable, Callable, Sequence
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
often = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


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

    async def patiently(query: TraceQuery) -> TracePage:
        return naive.find(flat(written), query)

    found = told(backend, written, lambda reader: pages(reader.find, query))
    assert found == asyncio.run(pages(patiently, query))


QUANTILES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.95, 0.99, 1.0]), max_size=3)
STEPS_NS = st.sampled_from([1, 60, 2**62, 2**63 + 1])


@on_each_backend
@often
@given(
    written=batches(repeats=False),
    query=SPAN_QUERIES,
    field=FIELDS,
    limit=st.sampled_from([1, 2, 100]),
    step_ns=STEPS_NS,
    quantiles=QUANTILES,
)
def test_statistics_count_what_a_patient_person_would(
    backend: str,
    written: list[list[Span]],
    query: SpanQuery,
    field: Field,
    limit: int,
    step_ns: int,
    quantiles: list[float],
) -> None:
    """Values, rates, errors and durations are exact, of whichever spans are meant."""

    async def ask(reader: SpanReader) -> list[object]:
        return [
            await reader.values(field, query, limit=limit),
            await reader.counts(query, step_ns=step_ns),
            await reader.figures(query, step_ns=None, quantiles=quantiles),
            await reader.figures(query, step_ns=step_ns, quantiles=quantiles),
        ]

    known = flat(written)
    expected = [
        naive.values(known, field, query, limit=limit),
        naive.counts(known, query, step_ns=step_ns),
        naive.figures(known, query, step_ns=None, quantiles=quantiles),
        naive.figures(known, query, step_ns=step_ns, quantiles=quantiles),
    ]
    # As text: True is not 1 to a user.
    for answer, right in zip(told(backend, written, ask), expected, strict=True):
        assert repr(answer) == repr(right)


@on_each_backend
@often
@given(written=batches(repeats=False), query=SPAN_QUERIES)
def test_services_call_each_other_as_a_patient_person_would_draw_it(
    backend: str, written: list[list[Span]], query: SpanQuery
) -> None:
    """A call is counted wherever both its sides are known, however they came."""
    links = told(backend, written, lambda reader: reader.service_links(query))
    assert links == naive.service_links(flat(written), query)


def countable(found: Sequence[AttributeCount]) -> list[AttributeCount]:
    """Counts without those of resources and scopes, which each block counts for itself."""
    shared = {Owner.RESOURCE, Owner.SCOPE}
    return [dataclasses.replace(one, value_count=0) if one.owner in shared else one for one in found]


@on_each_backend
@often
@given(written=batches(repeats=False))
def test_attributes_are_those_that_spans_have(backend: str, written: list[list[Span]]) -> None:
    """The list of keys names each, with its types, and says how often it is used."""
    found = told(backend, written, lambda reader: reader.attributes())
    assert countable(found) == countable(naive.attributes(flat(written)))
