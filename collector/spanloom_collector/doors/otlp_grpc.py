"""OTLP over gRPC: TraceService/Export."""

from typing import Final

import grpc

from spanloom_collector.agent_headers import FromAgent
from spanloom_collector.doors.grpc_server import Context, GrpcPort
from spanloom_collector.doors.otlp_answer import answer_to
from spanloom_collector.receiver import Receiver

DOOR: Final = "otlp-grpc"


def service(receiver: Receiver, port: GrpcPort) -> grpc.GenericRpcHandler:
    """What is served on port 4317."""

    async def export(request: bytes, context: Context) -> bytes:
        metadata = {name: str(value) for name, value in context.invocation_metadata() or ()}
        taken = await receiver.take(request, door=DOOR, agent=FromAgent.of(metadata.get))
        return answer_to(taken).SerializeToString()

    return port.service("opentelemetry.proto.collector.trace.v1.TraceService", Export=export)
