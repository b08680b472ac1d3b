"""All ways to store against a model that anybody can check by eye."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanloom_model.span import Span
from spanloom_storage.api import Storage, TracePage, TraceQuery
from spanloom_storage.embedded import EmbeddedStorage
from spanloom_storage.memory import MemoryStorage
from spanloom_storage.testing import naive
from spanloom_storage.testing.queries import QUERIES, spans
from spanloom_storage.testing.requests import checked_of
from tests.storage.test_embedded import Sealed

BACKENDS: dict[str, Callable[[Path], Storage]] = {
    "memory": lambda _: MemoryStorage(),
    "segments": EmbeddedStorage,
    "blocks": Sealed,
}


async def answer(storage: Storage, batches: list[list[Span]], query: TraceQuery) -> TracePage:
    """What a backend finds after these writes."""
    async with storage.writer() as writer, storage.reader() as reader:
        for batch in batches:
            await writer.write(checked_of(batch))
        return await reader.find(query)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(batches=st.lists(st.lists(spans(), min_size=1, max_size=6), max_size=3), query=QUERIES)
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
        storage = BACKENDS[backend](Path(directory) / "store")
        assert asyncio.run(answer(storage, batches, query)) == naive.find(known, query)
