"""OTLP into columns and back, held against protobuf's own library."""

from pathlib import Path

import pytest
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue

from spanloom_model.span import Span as ModelSpan
from spanloom_model.wire import MalformedError, field, varint
from spanloom_storage import otlp
from spanloom_storage.batch import SpanBatch
from spanloom_storage.kernels.check import MAX_DEPTH
from spanloom_storage.spans import spans_of
from spanloom_storage.testing.messages import requests
from spanloom_storage.testing.requests import batch_of, request_of
from spanloom_storage.testing.samples import RICH_SPAN, span
from tests.storage.bounds import run_checked
from tests.storage.messages import damaged_requests, only_storable, rows

thorough = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


def decoded(request: bytes) -> SpanBatch:
    """The storable spans of a request."""
    return otlp.decoded(otlp.checked(request).request)


@thorough
@given(requests())
def test_every_field_comes_back(request: ExportTraceServiceRequest) -> None:
    """Nothing that a client sent is lost, and what cannot be stored is counted."""
    checked = otlp.checked(request.SerializeToString())
    batch = otlp.decoded(checked.request)
    batch.validate(full=True)
    back = ExportTraceServiceRequest.FromString(otlp.encoded(batch))
    assert rows(back) == rows(only_storable(request))
    assert batch.num_rows == checked.request.span_count
    assert batch.num_rows + sum(checked.rejected.values()) == rows(request).total()


@thorough
@given(requests())
def test_columns_say_what_the_spans_say(request: ExportTraceServiceRequest) -> None:
    """A search in columns finds what the trace page shows."""
    batch = decoded(request.SerializeToString())
    for row, one in zip(batch.to_pylist(), spans_by_row(batch), strict=True):
        assert row["trace_id"] == one.trace_id
        assert row["span_id"] == one.span_id
        assert row["parent_id"] == one.parent_id
        assert row["service"] == one.service
        assert row["name"] == one.name
        assert row["start_ns"] == one.start_ns
        assert (row["duration_ns"] - one.duration_ns) % 2**64 == 0


def spans_by_row(batch: SpanBatch) -> list[ModelSpan]:
    """The rows as spans, in the rows' order."""
    return [spans_of(batch.slice(row, 1))[0] for row in range(batch.num_rows)]


@thorough
@given(damaged_requests())
def test_hostile_bytes_are_refused_or_read_as_protobuf_reads_them(request: bytes) -> None:
    """A damaged or malicious request is an answer to its sender, and poisons nothing that is stored."""
    try:
        batch = decoded(request)
    except MalformedError:
        return
    batch.validate(full=True)
    try:
        read = ExportTraceServiceRequest.FromString(request)
    except DecodeError:
        pytest.fail("the kernels take what protobuf refuses")
    back = ExportTraceServiceRequest.FromString(otlp.encoded(batch))
    assert rows(back).total() == rows(only_storable(read)).total()


def test_hostile_bytes_stay_within_bounds(tmp_path: Path) -> None:
    """The same, with every index of the compiled code checked."""
    hostile = test_hostile_bytes_are_refused_or_read_as_protobuf_reads_them
    run_checked(__file__, [test_every_field_comes_back.__name__, hostile.__name__], tmp_path)


@pytest.mark.parametrize(
    ("request_bytes", "reason"),
    [
        (b"\x0a", "a field runs past the end"),
        (b"\x0a\x05abc", "a field runs past the end"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "a field runs past the end"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "a field runs past the end"),
        (b"\x00\x00", "no field begins here"),
        (b"\x0b\x0c", "no field begins here"),
        (b"hello, world", "no field begins here"),
        (field(1, field(3, b"\xff")), "a string is not UTF-8"),
        (field(1, field(3, b"\xed\xa0\x80")), "a string is not UTF-8"),
        (field(1, field(3, b"\xc0\x80")), "a string is not UTF-8"),
        (field(1, field(3, b"\xf4\x90\x80\x80")), "a string is not UTF-8"),
        (field(1, field(3, b"\xe2\x82")), "a string is not UTF-8"),
    ],
)
def test_malformed_requests_are_told_why(request_bytes: bytes, reason: str) -> None:
    """Whoever writes a client reads what is wrong with its bytes, and where."""
    with pytest.raises(MalformedError, match=reason):
        otlp.checked(request_bytes)


def overlong(value: int, extra: int) -> bytes:
    """A varint with more bytes than it needs, as no encoder writes it."""
    data = bytearray(varint(value))
    for _ in range(extra):
        data[-1] |= 0x80
        data.append(0)
    return bytes(data)


@pytest.mark.parametrize("extra", range(10))
def test_overlong_numbers_are_taken_exactly_as_protobuf_takes_them(extra: int) -> None:
    """What protobuf would refuse to read back later is refused at the door."""
    good = field(1, b"t" * 16) + field(2, b"s" * 8)
    for broken in (
        overlong(10, extra) + varint(16) + b"t" * 16 + field(2, b"s" * 8),
        overlong(10, 0) + overlong(16, extra) + b"t" * 16 + field(2, b"s" * 8),
        good + varint(6 << 3) + overlong(2, extra),
        good + overlong(30 << 3, extra) + overlong(2**63, 0),
    ):
        request = field(1, field(2, field(2, broken)))
        try:
            ExportTraceServiceRequest.FromString(request)
        except DecodeError:
            with pytest.raises(MalformedError):
                otlp.checked(request)
        else:
            assert decoded(request).num_rows == 1


def test_mass_of_empty_messages_is_refused() -> None:
    """Two kilobytes of compressed nothing do not become gigabytes of rows."""
    with pytest.raises(MalformedError, match="too few to say anything"):
        otlp.checked(field(1, field(2, b"\x12\x00" * 100_000)))


@pytest.mark.parametrize("value", [AnyValue(int_value=5), AnyValue(), AnyValue(array_value=ArrayValue())])
def test_service_is_the_same_in_a_search_and_on_the_page(value: AnyValue) -> None:
    """Also when a client sends its name twice, at last as something that is no name."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add().resource
    resource.attributes.add(key="service.name").value.string_value = "shop"
    resource.attributes.add(key="service.name").value.CopyFrom(value)
    request.resource_spans[0].scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8)
    batch = decoded(request.SerializeToString())
    assert batch["service"].to_pylist() == [one.service for one in spans_of(batch)] == ["unknown_service"]


def nested(levels: int) -> bytes:
    """A span whose attribute is a list in a list, and so on."""
    value = b""
    for _ in range(levels):
        value = field(5, field(1, value))
    attribute = field(9, field(1, b"k") + field(2, value))
    return field(1, field(2, field(2, field(1, b"t" * 16) + field(2, b"s" * 8) + attribute)))


def test_nesting_is_bounded_as_protobuf_bounds_it() -> None:
    """A bomb of nested lists is refused; lists as deep as any client nests them are not."""
    fitting = (MAX_DEPTH - 6) // 2
    ExportTraceServiceRequest.FromString(nested(fitting))
    assert decoded(nested(fitting)).num_rows == 1
    with pytest.raises(MalformedError, match="nested deeper"):
        otlp.checked(nested(fitting + 2))


def test_unknown_fields_come_back() -> None:
    """A newer client's fields are kept for a newer reader."""
    unknown = field(30, b"of the future")
    whole = field(
        1,
        unknown + field(2, unknown + field(2, field(1, b"t" * 16) + field(2, b"s" * 8) + unknown)),
    )
    assert otlp.encoded(decoded(whole)).count(b"of the future") == 3


def test_bad_spans_are_refused_alone() -> None:
    """One broken span among good ones costs that span, with a reason."""
    good, bad = request_of([RICH_SPAN, span(2, 2)]), field(1, field(2, field(2, field(1, b"short"))))
    checked = otlp.checked(good + bad)
    assert otlp.decoded(checked.request).num_rows == checked.request.span_count == 2
    assert checked.rejected == {"a trace id of other than 16 bytes, or all zero": 1}


def test_spans_of_a_batch_are_the_spans_that_were_sent() -> None:
    """What a test or a page builds from a batch is what went in."""
    assert spans_of(batch_of([RICH_SPAN, span(1, 2)])) == [RICH_SPAN, span(1, 2)]
