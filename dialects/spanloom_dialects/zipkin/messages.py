"""Zipkin's protobuf messages: zipkin-api's zipkin.proto."""

from typing import Final

from spanloom_dialects.descriptors import declare

_CLASSES: Final = declare(
    "zipkin.proto3",
    {
        "Endpoint": {
            "service_name": (1, "bytes"),
            "ipv4": (2, "bytes"),
            "ipv6": (3, "bytes"),
            "port": (4, "int32"),
        },
        "Annotation": {"timestamp": (1, "fixed64"), "value": (2, "bytes")},
        "Tag": {"key": (1, "bytes"), "value": (2, "bytes")},
        "Span": {
            "trace_id": (1, "bytes"),
            "parent_id": (2, "bytes"),
            "id": (3, "bytes"),
            "kind": (4, "int32"),
            "name": (5, "bytes"),
            "timestamp": (6, "fixed64"),
            "duration": (7, "uint64"),
            "local_endpoint": (8, "Endpoint"),
            "remote_endpoint": (9, "Endpoint"),
            "annotations": (10, "repeated Annotation"),
            "tags": (11, "repeated Tag"),
            "debug": (12, "bool"),
            "shared": (13, "bool"),
        },
        "ListOfSpans": {"spans": (1, "repeated bytes")},
    },
)

Endpoint: Final = _CLASSES["Endpoint"]
Annotation: Final = _CLASSES["Annotation"]
Tag: Final = _CLASSES["Tag"]
"""An entry of the map that tags are."""
Span: Final = _CLASSES["Span"]
ListOfSpans: Final = _CLASSES["ListOfSpans"]
"""Its spans are serialized spans: a malformed one costs only itself."""

KINDS: Final = {1: "CLIENT", 2: "SERVER", 3: "PRODUCER", 4: "CONSUMER"}
"""Others are taken for none."""
