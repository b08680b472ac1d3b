"""OTLP over gRPC: TraceService/Export."""

from collections.abc import Mapping
from typing import Final

from spanloom_collector.doors.grpc_server import Answer, Context
from spanloom_collector.doors.otlp_answer import answer_to
from spanloom_collector.host_resource import HEADER
from spanloom_collector.receiver import Receiver

DOOR: Final = "otlp-grpc"


def methods(receiver: Receiver) -> Mapping[str, Answer]:
    """What is served on port 4317."""

    async def export(request: bytes, context: Context) -> bytes:
        host_resource = dict(context.invocation_metadata() or ()).get(HEADER, "")
        taken = await receiver.take(request, door=DOOR, host_resource=str(host_resource))
        return answer_to(taken).SerializeToString()

    return {"opentelemetry.proto.collector.trace.v1.TraceService/Export": export}
