"""One answer to a sampler: jaeger.api_v2.SamplingStrategyResponse, as JSON and as protobuf.

github.com/jaegertracing/jaeger-idl, proto/api_v2/sampling.proto. The messages are written by hand:
a dependency on their generated code would be larger than they are.
"""

import json
import struct
from dataclasses import dataclass
from typing import Any

from spanloom_model.wire import field, varint


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationStrategy:
    """Root spans of one name are sampled with a probability of their own."""

    operation: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationStrategies:
    """Probabilities by the root span's name."""

    default_probability: float
    """Of operations that are not told."""
    operations: tuple[OperationStrategy, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """How a service should sample: one of the first two; and operations, which samplers look at first."""

    probability: float | None = None
    max_traces_per_second: int | None = None
    operations: OperationStrategies | None = None

    def as_json(self) -> str:
        """Exactly as Jaeger answers."""
        told: dict[str, Any] = {"strategyType": "PROBABILISTIC"}
        if self.probability is not None:
            told["probabilisticSampling"] = {"samplingRate": _short(self.probability)}
        if self.max_traces_per_second is not None:
            told["strategyType"] = "RATE_LIMITING"
            told["rateLimitingSampling"] = {"maxTracesPerSecond": self.max_traces_per_second}
        if self.operations is not None:
            told["operationSampling"] = {
                "defaultSamplingProbability": _short(self.operations.default_probability),
                "defaultLowerBoundTracesPerSecond": 0,
                "perOperationStrategies": [
                    {
                        "operation": one.operation,
                        "probabilisticSampling": {"samplingRate": _short(one.probability)},
                    }
                    for one in self.operations.operations
                ],
                "defaultUpperBoundTracesPerSecond": 0,
            }
        return json.dumps(told, separators=(",", ":"), ensure_ascii=False)

    def as_protobuf(self) -> bytes:
        """The same as a message."""
        told = b""
        if self.max_traces_per_second is not None:
            told += varint(1 << 3) + varint(1)  # strategyType = 1: RATE_LIMITING
        if self.probability is not None:
            told += field(2, _double(1, self.probability))
        if self.max_traces_per_second is not None:
            told += field(3, _int32(1, self.max_traces_per_second))
        if self.operations is not None:
            inside = _double(1, self.operations.default_probability)
            for one in self.operations.operations:
                name = field(1, one.operation.encode()) if one.operation else b""
                inside += field(3, name + field(2, _double(1, one.probability)))
            told += field(4, inside)
        return told


def _short(number: float) -> float:
    """A whole number without a point."""
    return int(number) if number == int(number) else number


def _double(number: int, value: float) -> bytes:
    return varint(number << 3 | 1) + struct.pack("<d", value) if value else b""


def _int32(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value % 2**64) if value else b""
