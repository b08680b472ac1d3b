"""Jaeger over gRPC: what its agents and collectors of version 1 send spans to, and ask for strategies."""

from collections.abc import Mapping
from typing import Final

from google.protobuf.message import DecodeError

from spanloom_collector.doors.entrance import Entrance
from spanloom_collector.doors.grpc_server import Answer, Context
from spanloom_collector.doors.strategies import Strategies
from spanloom_dialects.descriptors import declare
from spanloom_dialects.errors import DialectError
from spanloom_dialects.jaeger.proto_batch import from_request

DOOR: Final = "jaeger-grpc"

REFUSED: Final = "spanloom-refused"
"""The trailer that says which spans of a stored request were refused: the answer has no field for it."""

_PARAMETERS: Final = declare("jaeger.api_v2", {"SamplingStrategyParameters": {"service_name": (1, "bytes")}})[
    "SamplingStrategyParameters"
]


def methods(entrance: Entrance, strategies: Strategies) -> Mapping[str, Answer]:
    """What is served on port 14250."""

    async def post_spans(request: bytes, context: Context) -> bytes:
        taken = await entrance.translate(from_request, request, DOOR)
        if taken.message:
            context.set_trailing_metadata(((REFUSED, ascii(taken.message)[1:-1]),))
        return b""

    async def strategy(request: bytes, _: Context) -> bytes:
        try:
            service: bytes = _PARAMETERS.FromString(request).service_name
        except DecodeError as exc:
            raise DialectError(f"malformed protobuf: {exc}") from exc
        return strategies.to_proto(service.decode(errors="replace"))

    return {
        "jaeger.api_v2.CollectorService/PostSpans": post_spans,
        "jaeger.api_v2.SamplingManager/GetSamplingStrategy": strategy,
    }
