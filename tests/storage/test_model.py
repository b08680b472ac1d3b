"""Both backends against a model that anybody can check by eye."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanloom_model.span import Span, StatusCode
from spanloom_storage.api import Place, Storage, TracePage, TraceQuery
from spanloom_storage.conditions import span_with
from spanloom_storage.embedded import EmbeddedStorage
from spanloom_storage.memory import MemoryStorage
from spanloom_storage.testing import naive
from spanloom_storage.testing.contract import NOON_NS, span, trace_id
from spanloom_storage.testing.requests import checked_of

MOMENTS = st.sampled_from([0, NOON_NS, NOON_NS + 50, NOON_NS + 100, NOON_NS + 150])
SERVICES = st.sampled_from(["shop", "cart"])
NAMES = st.sampled_from(["a", "b"])


@st.composite
def spans(draw: st.DrawFn) -> Span:
    """A span among few traces, names and moments, so that they meet; its start is unique in its trace."""
    number = draw(st.integers(1, 20))
    start_ns = draw(MOMENTS)
    return span(
        draw(st.integers(1, 4)),
        number,
        parent=draw(st.none() | st.integers(1, 20)),
        service=draw(SERVICES),
        name=draw(NAMES),
        start_ns=start_ns and start_ns + number * 10,
        duration_ns=draw(st.integers(0, 50)) if start_ns else 0,
        status=draw(st.sampled_from(StatusCode)),
    )


QUERIES = st.builds(
    TraceQuery,
    where=st.builds(span_with, service=st.none() | SERVICES, name=st.none() | NAMES),
    start_ns=st.none() | MOMENTS,
    end_ns=st.none() | MOMENTS,
    limit=st.integers(1, 3),
    after=st.none() | st.builds(Place, start_ns=MOMENTS, trace_id=st.integers(1, 4).map(trace_id)),
)


async def answer(storage: Storage, batches: list[list[Span]], query: TraceQuery) -> TracePage:
    """What a backend finds after these writes."""
    async with storage.writer() as writer, storage.reader() as reader:
        for batch in batches:
            await writer.write(checked_of(batch))
        return await reader.find(query)


@pytest.mark.parametrize("backend", ["memory", "embedded"])
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(batches=st.lists(st.lists(spans(), max_size=8), max_size=4), query=QUERIES)
def test_search_finds_what_a_patient_person_would(
    backend: str, batches: list[list[Span]], query: TraceQuery
) -> None:
    """Conditions, order, pages, repeats and counts, in every combination."""
    known = [one for batch in batches for one in batch]
    # Two spans of one trace that start at once without a root among them: either may name it.
    if len({(one.trace_id, one.start_ns, one.parent_id is None) for one in known}) < len(
        set(map(repr, known))
    ):
        return
    with tempfile.TemporaryDirectory() as directory:
        storage: Storage = (
            MemoryStorage() if backend == "memory" else EmbeddedStorage(Path(directory) / "store")
        )
        assert asyncio.run(answer(storage, batches, query)) == naive.find(known, query)
