"""Jaeger's protobuf messages: jaeger-idl's proto/api_v2/model.proto and collector.proto."""

from typing import Final

from spanloom_dialects.descriptors import declare

_CLASSES: Final = declare(
    "jaeger.api_v2",
    {
        "Moment": {"seconds": (1, "int64"), "nanos": (2, "int32")},
        "KeyValue": {
            "key": (1, "bytes"),
            "v_type": (2, "int32"),
            "v_str": (3, "bytes"),
            "v_bool": (4, "bool"),
            "v_int64": (5, "int64"),
            "v_float64": (6, "double"),
            "v_binary": (7, "bytes"),
        },
        "Log": {"timestamp": (1, "Moment"), "fields": (2, "repeated KeyValue")},
        "SpanRef": {"trace_id": (1, "bytes"), "span_id": (2, "bytes"), "ref_type": (3, "int32")},
        "Process": {"service_name": (1, "bytes"), "tags": (2, "repeated KeyValue")},
        "Span": {
            "trace_id": (1, "bytes"),
            "span_id": (2, "bytes"),
            "operation_name": (3, "bytes"),
            "references": (4, "repeated SpanRef"),
            "flags": (5, "uint32"),
            "start_time": (6, "Moment"),
            "duration": (7, "Moment"),
            "tags": (8, "repeated KeyValue"),
            "logs": (9, "repeated Log"),
            "process": (10, "Process"),
            "process_id": (11, "bytes"),
            "warnings": (12, "repeated bytes"),
        },
        "Batch": {"spans": (1, "repeated bytes"), "process": (2, "Process")},
        "PostSpansRequest": {"batch": (1, "Batch")},
    },
)

Moment: Final = _CLASSES["Moment"]
"""A google.protobuf.Timestamp or Duration, which are the same on the wire."""
KeyValue: Final = _CLASSES["KeyValue"]
Log: Final = _CLASSES["Log"]
SpanRef: Final = _CLASSES["SpanRef"]
Process: Final = _CLASSES["Process"]
Span: Final = _CLASSES["Span"]
Batch: Final = _CLASSES["Batch"]
"""Its spans are serialized spans: a malformed one costs only itself."""
PostSpansRequest: Final = _CLASSES["PostSpansRequest"]

STRING: Final = 0
BOOL: Final = 1
INT64: Final = 2
FLOAT64: Final = 3
BINARY: Final = 4
"""Types of values. Thrift numbers them otherwise."""
