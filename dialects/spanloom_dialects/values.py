"""OTLP's attribute values as text, for protocols that have no other."""

from base64 import b64encode
from math import isfinite, isnan
from typing import Any

import msgspec
from opentelemetry.proto.common.v1.common_pb2 import AnyValue


def as_text(value: AnyValue) -> str:
    """A value as OpenTelemetry's specification writes it: common/README.md, "AnyValue representation"."""
    plain = as_plain(value)
    if isinstance(plain, str):
        return plain
    return "" if plain is None else msgspec.json.encode(plain).decode()


def as_plain(value: AnyValue) -> Any:
    """A value as JSON has it; bytes are base64, what JSON has no number for is text."""
    match value.WhichOneof("value"):
        case "array_value":
            return [as_plain(one) for one in value.array_value.values]
        case "kvlist_value":
            return {pair.key: as_plain(pair.value) for pair in value.kvlist_value.values}
        case "bytes_value":
            return b64encode(value.bytes_value).decode()
        case "double_value":
            return as_number(value.double_value)
        case None:
            return None
        case name:
            return getattr(value, name)


def as_number(number: float) -> float | str:
    """The number, or what it is called where JSON has none."""
    if isfinite(number):
        return number
    return "NaN" if isnan(number) else "Infinity" if number > 0 else "-Infinity"
