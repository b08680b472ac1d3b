"""Jaeger over gRPC: what its agents and collectors of version 1 send spans to."""

from typing import Final

import grpc

from spanloom_collector.doors.entrance import Entrance
from spanloom_collector.doors.grpc_server import Context, GrpcPort
from spanloom_dialects.jaeger.proto_batch import from_request

DOOR: Final = "jaeger-grpc"

REFUSED: Final = "spanloom-refused"
"""The trailer that says which spans of a stored request were refused: the answer has no field for it."""


def service(entrance: Entrance, port: GrpcPort) -> grpc.GenericRpcHandler:
    """What is served on port 14250."""

    async def post_spans(request: bytes, context: Context) -> bytes:
        taken = await entrance.translate(from_request, request, DOOR)
        if taken.message:
            context.set_trailing_metadata(((REFUSED, ascii(taken.message)[1:-1]),))
        return b""

    return port.service("jaeger.api_v2.CollectorService", PostSpans=post_spans)
