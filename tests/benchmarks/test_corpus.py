"""What benchmarks send is what it is said to be, as protobuf's own parser reads it."""

from collections import defaultdict

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from benchmarks.corpus import Corpus, Request
from benchmarks.corpus.ahead import ahead
from benchmarks.corpus.files import spooled, zstd_bytes

SPANS = 40_000


@pytest.fixture(scope="module")
def corpus() -> tuple[Corpus, list[Request]]:
    """One, and all of its requests."""
    corpus = Corpus(SPANS)
    return corpus, list(corpus.requests())


@pytest.fixture(scope="module")
def messages(corpus: tuple[Corpus, list[Request]]) -> list[ExportTraceServiceRequest]:
    """The requests, parsed."""
    return [ExportTraceServiceRequest.FromString(request.data) for request in corpus[1]]


@pytest.fixture(scope="module")
def spans(messages: list[ExportTraceServiceRequest]) -> list[Span]:
    """Of all requests."""
    return [span for message in messages for span in spans_of(message)]


def spans_of(message: ExportTraceServiceRequest) -> list[Span]:
    """In their order."""
    return [
        span
        for resource_spans in message.resource_spans
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
    ]


def attributes_of(resource: Resource) -> dict[str, str]:
    """All are strings."""
    return {pair.key: pair.value.string_value for pair in resource.attributes}


def test_the_same_seed_makes_the_same_bytes() -> None:
    """Figures of two runs are about the same spans."""
    made = list(Corpus(3_000).requests())
    assert made == list(Corpus(3_000).requests())
    assert made != list(Corpus(3_000, seed=2).requests())


def test_bytes_are_as_protobuf_writes_them() -> None:
    """No length is padded, no field out of order."""
    for request in Corpus(3_000, request_spans=20).requests():
        assert ExportTraceServiceRequest.FromString(request.data).SerializeToString() == request.data


def test_ids_are_valid_and_unique(spans: list[Span]) -> None:
    """A span is sent once."""
    assert len(spans) == SPANS
    assert {len(span.trace_id) for span in spans} == {16}
    assert len({span.span_id for span in spans if any(span.span_id)}) == SPANS


def test_children_lie_inside_their_parents(spans: list[Span]) -> None:
    """Each trace has one root, and every other span's parent is there."""
    by_id = {(span.trace_id, span.span_id): span for span in spans}
    roots = [span.trace_id for span in spans if not span.parent_span_id]
    assert len(roots) == len(set(roots)) == len({span.trace_id for span in spans})
    for span in spans:
        assert span.start_time_unix_nano < span.end_time_unix_nano
        if span.parent_span_id:
            parent = by_id[span.trace_id, span.parent_span_id]
            assert parent.start_time_unix_nano <= span.start_time_unix_nano
            assert span.end_time_unix_nano <= parent.end_time_unix_nano


def test_shares_are_as_promised(spans: list[Span]) -> None:
    """8 % with events, 3 % errors, 1 % with links; 8 to 10 attributes, each key once."""
    for span in spans:
        keys = [pair.key for pair in span.attributes]
        assert 8 <= len(keys) == len(set(keys)) <= 10
    assert sum(bool(span.events) for span in spans) / SPANS == pytest.approx(0.08, abs=0.015)
    assert sum(span.status.code == 2 for span in spans) / SPANS == pytest.approx(0.03, abs=0.008)
    assert sum(bool(span.links) for span in spans) / SPANS == pytest.approx(0.01, abs=0.004)


def test_requests_come_as_from_a_batch_processor(messages: list[ExportTraceServiceRequest]) -> None:
    """One resource for each instance, one scope for each library, all of one host."""
    for message in messages:
        resources = [attributes_of(one.resource) for one in message.resource_spans]
        instances = [resource["service.instance.id"] for resource in resources]
        assert {len(resource) for resource in resources} == {8}
        assert len(instances) == len(set(instances))
        assert len({resource["host.name"] for resource in resources}) == 1
        for one in message.resource_spans:
            scopes = [(found.scope.name, found.scope.version) for found in one.scope_spans]
            assert all(map(all, scopes))
            assert len(scopes) == len(set(scopes))


def test_traces_come_in_pieces(messages: list[ExportTraceServiceRequest]) -> None:
    """Twenty services on twelve hosts; most traces of several spans are never in one request."""
    resources = [attributes_of(one.resource) for message in messages for one in message.resource_spans]
    assert len({resource["service.name"] for resource in resources}) == 20
    assert len({resource["host.name"] for resource in resources}) == 12
    requests: dict[bytes, set[int]] = defaultdict(set)
    sizes: dict[bytes, int] = defaultdict(int)
    for number, message in enumerate(messages):
        for span in spans_of(message):
            requests[span.trace_id].add(number)
            sizes[span.trace_id] += 1
    pieces = [len(requests[trace]) for trace, size in sizes.items() if size >= 12]
    assert sum(count > 1 for count in pieces) > 0.95 * len(pieces)


def test_ids_in_attributes_are_many(spans: list[Span]) -> None:
    """Searches for one user, order or message find few spans of many."""
    values: dict[str, set[str]] = defaultdict(set)
    for span in spans:
        for pair in span.attributes:
            values[pair.key].add(pair.value.string_value)
    assert len(values["enduser.id"]) > 1_000
    assert len(values["app.order.id"]) > 50
    assert len(values["messaging.message.id"]) > 400
    assert len(values["url.full"]) > 1_000
    assert {"http.request.method", "rpc.method", "db.query.text", "code.function.name"} <= values.keys()


def test_size_is_as_promised(corpus: tuple[Corpus, list[Request]]) -> None:
    """Traces: median about 12, mean about 20, at most 400. Spans: about 420 bytes, 46 in a zstd-3 stream."""
    figures = corpus[0].shape.figures()
    assert figures["spans"] == SPANS
    assert 10 <= figures["median trace"] <= 14
    assert 17 <= figures["mean trace"] <= 23
    assert figures["largest trace"] <= 400
    assert 410 <= figures["bytes/span"] <= 430
    assert 44 <= zstd_bytes(corpus[1]) <= 50


def test_a_spooled_corpus_is_the_corpus() -> None:
    """What is sent from a file, or was made ahead, is what is sent otherwise."""
    made = list(Corpus(3_000, request_spans=100).requests())
    with spooled(Corpus(3_000, request_spans=100).requests()) as requests:
        assert list(requests()) == made
        assert list(requests()) == made
    assert list(ahead(Corpus(3_000, request_spans=100).requests(), most=2)) == made
