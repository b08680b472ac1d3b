"""What an agent knows of its host is added to every resource that does not say it."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

from spanloom_model.wire import field
from spanloom_storage import otlp
from spanloom_storage.resources import Additions, with_attributes
from spanloom_storage.testing.messages import requests
from tests.storage.bounds import run_checked

IDS: dict[str, Any] = {"trace_id": b"t" * 16, "span_id": b"s" * 8}

thorough = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


def expected(request: ExportTraceServiceRequest, facts: dict[str, str]) -> ExportTraceServiceRequest:
    """The same by protobuf's own objects."""
    told = ExportTraceServiceRequest()
    told.CopyFrom(request)
    for resource_spans in told.resource_spans:
        known = {pair.key for pair in resource_spans.resource.attributes}
        for key, text in facts.items():
            if key not in known and len(resource_spans.scope_spans):
                resource_spans.resource.attributes.add(key=key).value.string_value = text
    return told


@thorough
@given(requests(), st.data())
def test_each_resource_says_it_once(request: ExportTraceServiceRequest, data: st.DataObject) -> None:
    """As protobuf's own library would have put it there."""
    known = {pair.key for one in request.resource_spans for pair in one.resource.attributes} - {""}
    keys = st.one_of(st.sampled_from(sorted(known) or ["k"]), st.text(min_size=1, max_size=20))
    facts = data.draw(st.dictionaries(keys, st.text(max_size=30), max_size=10))
    bytes_ = request.SerializeToString()
    otlp.checked(bytes_)
    found = with_attributes(bytes_, Additions.of(facts))
    assert found is not None
    assert ExportTraceServiceRequest.FromString(found) == expected(request, facts)


@pytest.mark.parametrize("size", [0, 100, 126, 127, 128, 16_000, 2**14 + 5, 2**21])
def test_lengths_grow_with_their_message(size: int) -> None:
    """At every border where a length takes one byte more."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.add(key="k").value.string_value = "v" * size
    resource_spans.scope_spans.add().spans.add(**IDS, name="n" * size)
    facts = {"host.name": "h1", "k8s.pod.uid": "u" * 40}
    found = with_attributes(request.SerializeToString(), Additions.of(facts))
    assert found is not None
    assert ExportTraceServiceRequest.FromString(found) == expected(request, facts)


def test_resource_in_two_pieces_is_one() -> None:
    """Protobuf puts the pieces of a message together; so what any of them says is said."""
    pieces = [ResourceSpans(), ResourceSpans()]
    for number, piece in enumerate(pieces):
        piece.resource.attributes.add(key=f"{number}").value.string_value = "own"
    spans = ResourceSpans()
    spans.scope_spans.add().spans.add(**IDS)
    body = field(1, b"".join(one.SerializeToString() for one in (pieces[0], spans, pieces[1])))
    found = with_attributes(body, Additions.of({"0": "host", "1": "host", "2": "host"}))
    assert found is not None
    (resource_spans,) = ExportTraceServiceRequest.FromString(found).resource_spans
    attributes = {pair.key: pair.value.string_value for pair in resource_spans.resource.attributes}
    assert attributes == {"0": "own", "1": "own", "2": "host"}
    assert len(resource_spans.resource.attributes) == 3


def test_mass_of_small_resources_is_left_alone() -> None:
    """A request does not become many times as large."""
    one = ResourceSpans()
    one.scope_spans.add().spans.add(**IDS)
    many = field(1, one.SerializeToString()) * 10_000
    assert with_attributes(many, Additions.of({"k": "v" * 1000})) is None


def test_no_index_is_out_of_bounds(tmp_path: Path) -> None:
    """The same, with every index of the compiled code checked."""
    said_once, two_pieces = test_each_resource_says_it_once, test_resource_in_two_pieces_is_one
    run_checked(__file__, [said_once.__name__, two_pieces.__name__], tmp_path)
