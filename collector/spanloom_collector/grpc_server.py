"""OTLP over gRPC: TraceService/Export, whose requests stay bytes until the kernels read them."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import grpc

from spanloom_collector.budget import Budget
from spanloom_collector.counts import Counts
from spanloom_collector.receiver import Receiver
from spanloom_collector.refusal import refusal_of
from spanloom_collector.settings import CollectorSettings
from spanloom_model import address
from spanloom_model.errors import MisconfiguredError

DOOR: Final = "otlp-grpc"
MAX_CONCURRENT_CALLS: Final = 100

_SERVICE: Final = "opentelemetry.proto.collector.trace.v1.TraceService"


@asynccontextmanager
async def running_grpc(
    receiver: Receiver, counts: Counts, budget: Budget, settings: CollectorSettings
) -> AsyncIterator[str]:
    """Serve until left; yields the address with the port that was bound.

    Raises MisconfiguredError where the port is taken.
    """
    shared = settings.workers > 1
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", settings.max_request_bytes),
            # Off for one process, or a second collector would share the port in silence.
            ("grpc.so_reuseport", int(shared)),
        ],
        maximum_concurrent_rpcs=MAX_CONCURRENT_CALLS,
    )
    server.add_generic_rpc_handlers((_handlers(receiver, counts, budget),))
    # gRPC says of no failure what it was; a socket of ours does.
    with address.bind(settings.grpc_listen, socket.SOCK_STREAM, shared=shared) as probe:
        where = address.of(probe)
    try:
        server.add_insecure_port(where)
    except RuntimeError as exc:
        raise MisconfiguredError(f"cannot listen on TCP {where}") from exc
    await server.start()
    try:
        yield where
    finally:
        await server.stop(grace=1)


def _handlers(receiver: Receiver, counts: Counts, budget: Budget) -> grpc.GenericRpcHandler:
    async def export(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        try:
            with budget.taking(len(request)):
                return bytes((await receiver.take(request, door=DOOR)).SerializeToString())
        except Exception as exc:  # noqa: BLE001  # the table has a row for every one
            refusal, reason = refusal_of(exc)
            counts.requests.labels(DOOR, refusal.outcome).inc()
            details = refusal.status(reason).SerializeToString()
            await context.abort(refusal.grpc_code, reason, (("grpc-status-details-bin", details),))

    # Without (de)serialisers gRPC passes the messages as bytes.
    return grpc.method_handlers_generic_handler(
        _SERVICE, {"Export": grpc.unary_unary_rpc_method_handler(export)}
    )
