"""OTLP over gRPC: TraceService/Export, whose requests stay bytes until the kernels read them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import grpc

from spanloom_collector.counts import Counts
from spanloom_collector.receiver import Receiver
from spanloom_collector.refusal import REFUSED, refusal_of
from spanloom_model import address
from spanloom_model.errors import MisconfiguredError

DOOR: Final = "otlp-grpc"

_SERVICE: Final = "opentelemetry.proto.collector.trace.v1.TraceService"


@asynccontextmanager
async def running_grpc(
    receiver: Receiver, counts: Counts, *, listen: str, max_request_bytes: int
) -> AsyncIterator[str]:
    """Serve until left; yields the address with the port that was bound.

    Raises MisconfiguredError where the port is taken.
    """
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", max_request_bytes),
            # Off, or a second collector would share the port in silence.
            ("grpc.so_reuseport", 0),
        ]
    )
    server.add_generic_rpc_handlers((_handlers(receiver, counts),))
    host, _ = address.split(listen)
    try:
        port = server.add_insecure_port(listen)
    except RuntimeError as exc:
        raise MisconfiguredError(f"TCP {listen} is in use by another program") from exc
    await server.start()
    try:
        yield f"{host}:{port}"
    finally:
        await server.stop(grace=1)


def _handlers(receiver: Receiver, counts: Counts) -> grpc.GenericRpcHandler:
    async def export(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        try:
            return bytes((await receiver.take(request, door=DOOR)).SerializeToString())
        except REFUSED as exc:
            refusal = refusal_of(exc)
            counts.requests.labels(DOOR, refusal.outcome).inc()
            details = refusal.status(str(exc)).SerializeToString()
            await context.abort(refusal.grpc_code, str(exc), (("grpc-status-details-bin", details),))

    # Without (de)serialisers gRPC passes the messages as bytes.
    return grpc.method_handlers_generic_handler(
        _SERVICE, {"Export": grpc.unary_unary_rpc_method_handler(export)}
    )
