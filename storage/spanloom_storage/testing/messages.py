"""Hypothesis strategies for OTLP messages, made from the protocol's own descriptors."""

from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_SCALARS: Final[dict[int, st.SearchStrategy[Any]]] = {
    FieldDescriptor.TYPE_STRING: st.text(max_size=12),
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=12),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_DOUBLE: st.floats(),
    FieldDescriptor.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED32: st.integers(0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED64: st.integers(0, 2**64 - 1),
    FieldDescriptor.TYPE_ENUM: st.integers(0, 9),
}
_ID_BYTES: Final = {"trace_id": 16, "span_id": 8, "parent_span_id": 8}
_MAX_DEPTH: Final = 9
"""Deep enough for lists in maps in attributes of events."""


@st.composite
def requests(draw: st.DrawFn) -> ExportTraceServiceRequest:
    """Any ExportTraceServiceRequest, with ids that are sometimes of the wrong size."""
    message = draw(_messages(ExportTraceServiceRequest.DESCRIPTOR, 0))
    assert isinstance(message, ExportTraceServiceRequest)
    return message


@st.composite
def _messages(draw: st.DrawFn, descriptor: Descriptor, depth: int) -> Message:
    message: Message = GetMessageClass(descriptor)()
    if depth == _MAX_DEPTH:
        return message
    oneofs = {
        draw(st.sampled_from(list(oneof.fields))).name for oneof in descriptor.oneofs if draw(st.booleans())
    }
    for field in descriptor.fields:
        if field.containing_oneof is None or field.name in oneofs:
            _fill(draw, message, field, depth)
    return message


def _fill(draw: st.DrawFn, message: Message, field: FieldDescriptor, depth: int) -> None:
    if field.message_type is not None and field.is_repeated:
        for _ in range(draw(st.integers(0, 2))):
            getattr(message, field.name).append(draw(_messages(field.message_type, depth + 1)))
    elif field.message_type is not None:
        getattr(message, field.name).MergeFrom(draw(_messages(field.message_type, depth + 1)))
    elif field.is_repeated:
        getattr(message, field.name).extend(draw(st.lists(_SCALARS[field.type], max_size=2)))
    else:
        setattr(message, field.name, draw(_scalars(field)))


def _scalars(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    size = _ID_BYTES.get(field.name)
    if size is None:
        return _SCALARS[field.type]
    right = st.binary(min_size=size, max_size=size)
    return st.one_of(right, right, right, st.just(b""), st.just(bytes(size)), st.binary(max_size=20))
