"""Spans changed as columns, held against the same changes made message by message."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from spanloom_model.span import Span
from spanloom_model.wire import MalformedError
from spanloom_storage import otlp
from spanloom_storage.conditions import Owner
from spanloom_storage.draft import Draft
from spanloom_storage.kernels.enclose import enclose
from spanloom_storage.rewriting import rename, rewrite_values, rewrite_words, text_of
from spanloom_storage.search.matching import matching
from spanloom_storage.spans import spans_of
from spanloom_storage.testing.messages import requests
from spanloom_storage.testing.naive_conditions import meets
from spanloom_storage.testing.queries import CONDITIONS, spans
from spanloom_storage.testing.requests import checked_of
from spanloom_storage.testing.samples import RICH_SPAN
from tests.storage.bounds import run_checked
from tests.storage.messages import damaged_requests, only_storable, rows

OWNERS = (Owner.SPAN, Owner.EVENT, Owner.LINK, Owner.RESOURCE, Owner.SCOPE)
KEYS = st.text(max_size=2)
thorough = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


def owned(request: ExportTraceServiceRequest) -> Iterator[tuple[Owner, Any]]:
    """Everything that has attributes."""
    for resource_spans in request.resource_spans:
        if resource_spans.HasField("resource"):
            yield Owner.RESOURCE, resource_spans.resource
        for scope_spans in resource_spans.scope_spans:
            if scope_spans.HasField("scope"):
                yield Owner.SCOPE, scope_spans.scope
            for span in scope_spans.spans:
                yield Owner.SPAN, span
                yield from ((Owner.EVENT, event) for event in span.events)
                yield from ((Owner.LINK, link) for link in span.links)


def draft_of(request: ExportTraceServiceRequest) -> tuple[Draft, ExportTraceServiceRequest]:
    """The storable spans of a request, in both ways."""
    return Draft(otlp.checked(request.SerializeToString()).request), only_storable(request)


def assert_same(draft: Draft, expected: ExportTraceServiceRequest) -> None:
    """What the draft becomes says what is expected, and passes every check."""
    told = draft.request()
    checked = otlp.checked(told.data)
    assert (checked.request.span_count, checked.rejected) == (told.span_count, {})
    assert rows(ExportTraceServiceRequest.FromString(told.data)) == rows(expected)


@thorough
@given(requests())
def test_unchanged_spans_pass_byte_for_byte(request: ExportTraceServiceRequest) -> None:
    """Stages that find nothing to do cost a look, and leave no trace."""
    checked = otlp.checked(request.SerializeToString()).request
    draft = Draft(checked)
    for table in draft.tables(OWNERS):
        table.remove(table.places([False] * len(table.pool.names)))
        rename(table, {"a key that nobody": "has"})
    draft.keep(np.ones(draft.span_count, np.bool_))
    assert draft.request() is checked


@thorough
@given(requests())
def test_rows_become_the_request_that_they_came_from(request: ExportTraceServiceRequest) -> None:
    """Nothing that a client sent is lost where a stage changes something else."""
    rows_of = otlp.rows_of(otlp.checked(request.SerializeToString()).request)
    assert rows(ExportTraceServiceRequest.FromString(enclose(rows_of).tobytes())) == rows(
        only_storable(request)
    )


@thorough
@given(requests(), st.data())
def test_attributes_are_removed(request: ExportTraceServiceRequest, data: st.DataObject) -> None:
    """Of the owners that were told, and of no other."""
    draft, expected = draft_of(request)
    owners = data.draw(st.sets(st.sampled_from(OWNERS)))
    keys = data.draw(st.sets(st.sampled_from(keys_of(expected))))
    for table in draft.tables(owners):
        table.remove(table.places([name in keys for name in table.pool.names]))
    for owner, message in owned(expected):
        if owner in owners:
            kept = [pair for pair in message.attributes if pair.key not in keys]
            del message.attributes[:]
            message.attributes.extend(kept)
    assert_same(draft, expected)


def keys_of(request: ExportTraceServiceRequest) -> list[str]:
    """All keys of attributes, and one that is none."""
    return [*(pair.key for _, message in owned(request) for pair in message.attributes), "none of them"]


@thorough
@given(requests(), st.data())
def test_attributes_are_renamed(request: ExportTraceServiceRequest, data: st.DataObject) -> None:
    """All at once, so that names can be swapped; what is there already under the new name stays."""
    draft, expected = draft_of(request)
    known = st.sampled_from(keys_of(expected))
    names = data.draw(st.dictionaries(known, known | KEYS, max_size=4))
    for table in draft.tables(OWNERS):
        rename(table, names)
    for _, message in owned(expected):
        rename_in(message, names)
    assert_same(draft, expected)


def rename_in(message: Any, names: Mapping[str, str]) -> None:
    """The same for one owner."""
    taken = {pair.key for pair in message.attributes if pair.key not in names}
    kept = []
    for pair in message.attributes:
        if pair.key in names:
            pair.key = names[pair.key]
            if pair.key in taken:
                continue
            taken.add(pair.key)
        kept.append(KeyValue.FromString(pair.SerializeToString()))
    del message.attributes[:]
    message.attributes.extend(kept)


def some_upper(words: Any) -> Any:
    """Upper case for whatever has an even number of characters."""
    even = pc.equal(pc.bit_wise_and(pc.utf8_length(words), 1), 0)
    return pc.if_else(even, pc.binary_join_element_wise("<", words, ">", ""), words)


def some_upper_text(text: str) -> str:
    """The same of one text."""
    return text if len(text) % 2 else f"<{text}>"


@thorough
@given(requests(), st.data())
def test_values_are_rewritten(request: ExportTraceServiceRequest, data: st.DataObject) -> None:
    """Strings, numbers, and what is inside of lists and maps; keys inside stay."""
    draft, expected = draft_of(request)
    keys = data.draw(st.sets(st.sampled_from(keys_of(expected))))
    for table in draft.tables(OWNERS):
        rewrite_values(table, table.places([name in keys for name in table.pool.names]), some_upper)
    rewrite_words(draft, Owner.SPAN, "name", some_upper)
    rewrite_words(draft, Owner.SPAN, "message", some_upper)
    rewrite_words(draft, Owner.EVENT, "name", some_upper)
    for owner, message in owned(expected):
        for pair in message.attributes:
            if pair.key in keys:
                rewrite_in(pair.value)
        if owner in {Owner.SPAN, Owner.EVENT}:
            message.name = some_upper_text(message.name)
        if owner is Owner.SPAN:
            message.status.message = some_upper_text(message.status.message)
    assert_same(draft, expected)


def rewrite_in(value: AnyValue) -> None:
    """The same for one value."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        for one in value.array_value.values:
            rewrite_in(one)
    elif kind == "kvlist_value":
        for pair in value.kvlist_value.values:
            rewrite_in(pair.value)
    elif kind is not None:
        old = text_of(getattr(value, kind))
        if some_upper_text(old) != old:
            value.string_value = some_upper_text(old)


@thorough
@given(requests(), st.data())
def test_only_some_spans_are_kept(request: ExportTraceServiceRequest, data: st.DataObject) -> None:
    """With all that belongs to them, also when more is taken out later."""
    draft, expected = draft_of(request)
    for _ in range(2):
        kept = data.draw(st.lists(st.booleans(), min_size=draft.span_count, max_size=draft.span_count))
        draft.keep(np.array(kept, np.bool_))
        keep_in(expected, iter(kept))
    for table in draft.tables(OWNERS):
        rename(table, {"": "was empty"})
    for _, message in owned(expected):
        rename_in(message, {"": "was empty"})
    assert_same(draft, expected)


def keep_in(request: ExportTraceServiceRequest, kept: Iterator[bool]) -> None:
    """The same message by message."""
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            good = [span for span in scope_spans.spans if next(kept)]
            del scope_spans.spans[:]
            scope_spans.spans.extend(good)


@thorough
@given(st.lists(spans(), min_size=1, max_size=8), st.lists(CONDITIONS, min_size=1, max_size=3))
def test_conditions_see_what_earlier_changes_left(sent: Any, conditions: Any) -> None:
    """A span is kept for what it says now, exactly as a search would find it."""
    draft = Draft(checked_of(sent))
    for table in draft.tables(OWNERS):
        rename(table, {"k": "key"})
    rewrite_words(draft, Owner.SPAN, "name", lambda words: pc.if_else(pc.equal(words, "a"), "b", words))
    for condition in conditions:
        now = spans_of_request(draft)
        kept = matching(draft.columns(), condition)
        draft.keep(kept)
        assert kept.tolist() == [meets(one, condition) for one in now]
        left = [one for one in now if meets(one, condition)]
        assert repr(spans_of_request(draft)) == repr(left)  # where no number is equal to itself, texts are


def spans_of_request(draft: Draft) -> list[Span]:
    """The spans as a person would see them, in the order of rows."""
    batch = otlp.batch_of_rows(draft.rows())
    return [spans_of(batch.slice(row, 1))[0] for row in range(batch.num_rows)]


@thorough
@given(damaged_requests())
def test_hostile_requests_become_sound_ones(request: bytes) -> None:
    """Whatever the checks let in, what stages make of it passes them too."""
    try:
        checked = otlp.checked(request).request
    except MalformedError:
        return
    draft = Draft(checked)
    draft.keep(np.arange(draft.span_count) % 2 == 0)
    for table in draft.tables(OWNERS):
        rewrite_values(table, np.arange(len(table.attributes)), pc.utf8_upper)
        rename(table, {name: name + "!" for name in table.pool.names})
    told = draft.request()
    again = otlp.checked(told.data)
    assert (again.request.span_count, again.rejected) == (told.span_count, {})
    ExportTraceServiceRequest.FromString(told.data)


def test_changes_stay_within_bounds(tmp_path: Path) -> None:
    """The same, with every index of the compiled code checked."""
    tests = (
        test_rows_become_the_request_that_they_came_from,
        test_values_are_rewritten,
        test_only_some_spans_are_kept,
        test_hostile_requests_become_sound_ones,
    )
    run_checked(__file__, [test.__name__ for test in tests], tmp_path)


def test_texts_may_become_empty() -> None:
    """A status message that is all secret is none."""
    draft = Draft(checked_of([RICH_SPAN]))
    rewrite_words(draft, Owner.SPAN, "message", lambda words: pc.replace_substring_regex(words, ".*", ""))
    assert spans_of_request(draft)[0].status_message == ""
