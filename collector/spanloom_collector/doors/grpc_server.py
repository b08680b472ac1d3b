"""A port of gRPC whose requests stay bytes until the kernels or the dialects read them."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import grpc

from spanloom_collector.budget import Budget, Share
from spanloom_collector.counts import Counts
from spanloom_collector.refusal import IncompleteError, refusal_of
from spanloom_collector.settings import CollectorSettings
from spanloom_model import address
from spanloom_model.errors import MisconfiguredError
from spanloom_storage.errors import Overloaded

Context: TypeAlias = grpc.aio.ServicerContext[bytes, bytes]
Answer: TypeAlias = Callable[[bytes, Context], Awaitable[bytes]]
"""What a method answers to a request; raises what `refusal_of` has a row for."""

MAX_STREAMS: Final = 100
"""Calls at once on one connection."""
WAIT_S: Final = 5.0
"""How long a call waits for its turn to be read; its bytes stay with the sender meanwhile."""
READ_S: Final = 10.0
"""How long it then may take: others wait for the same turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcPort:
    """What all calls on a port have in common."""

    door: str
    counts: Counts
    budget: Budget
    idle_s: float
    reading: asyncio.Semaphore
    """Who may read: gRPC gathers a whole message before it tells its size."""

    def service(self, name: str, **methods: Answer) -> grpc.GenericRpcHandler:
        """A service and how its methods answer."""
        handlers = {method: self._handler(answer) for method, answer in methods.items()}
        return grpc.method_handlers_generic_handler(name, handlers)

    def _handler(self, answer: Answer) -> "grpc.RpcMethodHandler[Any, Any]":
        """One method.

        To the sender it is a plain call. To gRPC it is one with a stream of requests: it reads the first of
        these not before it is asked to: what waits takes no memory here.
        """

        async def call(_: Any, context: Context) -> bytes:
            try:
                with self.budget.share() as share:
                    return await answer(await self._request(context, share), context)
            except Exception as exc:  # noqa: BLE001  # the table has a row for every one
                refusal, reason = refusal_of(exc)
                self.counts.requests.labels(self.door, refusal.outcome).inc()
                details = refusal.status(reason).SerializeToString()
                await context.abort(refusal.grpc_code, reason, (("grpc-status-details-bin", details),))

        # Without (de)serialisers gRPC passes the messages as bytes.
        return grpc.stream_unary_rpc_method_handler(call)

    async def _request(self, context: Context, share: Share) -> bytes:
        try:
            await asyncio.wait_for(self.reading.acquire(), min(WAIT_S, self.idle_s / 2))
        except TimeoutError:
            raise Overloaded("too many requests are in progress") from None
        try:
            request = await asyncio.wait_for(context.read(), min(READ_S, self.idle_s))
        except TimeoutError:
            raise IncompleteError("the request does not come to an end") from None
        finally:
            self.reading.release()
        if not isinstance(request, bytes):
            raise IncompleteError("no whole request came; it may be larger than the collector takes")
        share.take(len(request))
        return request


@asynccontextmanager
async def running_grpc(
    listen: str, services: Sequence[grpc.GenericRpcHandler], settings: CollectorSettings
) -> AsyncIterator[str]:
    """Serve until left; yields the address with the port that was bound.

    Raises MisconfiguredError where the port is taken.
    """
    shared = settings.workers > 1
    server = grpc.aio.server(options=_options(settings, shared=shared))
    server.add_generic_rpc_handlers(services)
    # gRPC says of no failure what it was; a socket of ours does.
    with address.bind(listen, socket.SOCK_STREAM, shared=shared) as probe:
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


def _options(settings: CollectorSettings, *, shared: bool) -> list[tuple[str, int]]:
    """Names: grpc/impl/channel_arg_names.h."""
    idle_ms = int(settings.idle_s * 1000)
    return [
        ("grpc.max_receive_message_length", settings.max_request_bytes),
        ("grpc.max_metadata_size", settings.max_header_bytes),
        ("grpc.absolute_max_metadata_size", settings.max_header_bytes),
        ("grpc.max_allowed_incoming_connections", settings.max_connections),
        ("grpc.max_concurrent_streams", MAX_STREAMS),
        ("grpc.max_connection_idle_ms", idle_ms),
        ("grpc.server_handshake_timeout_ms", idle_ms),
        # Off for one process, or a second collector would share the port in silence.
        ("grpc.so_reuseport", int(shared)),
    ]
