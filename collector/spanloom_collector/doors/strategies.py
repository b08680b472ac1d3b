"""How services are to sample: what Jaeger's remote samplers ask for."""

from struct import pack
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

PATH: Final = "/api/sampling"

_PROBABILITY_1: Final = b"\x12\x09\x09" + pack("<d", 1.0)
"""SamplingStrategyResponse.probabilisticSampling.samplingRate: jaeger-idl, proto/api_v2/sampling.proto."""


class Strategies(Protocol):
    """Whoever knows how a service is to sample; both renderings are Jaeger's SamplingStrategyResponse."""

    def to_json(self, service: str) -> bytes:
        """As over HTTP."""

    def to_proto(self, service: str) -> bytes:
        """As over gRPC."""


class Everything:
    """Every service keeps every trace."""

    def to_json(self, service: str) -> bytes:  # noqa: ARG002  # the same for all
        """A probability of 1."""
        return b'{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":1}}'

    def to_proto(self, service: str) -> bytes:  # noqa: ARG002  # the same for all
        """A probability of 1."""
        return _PROBABILITY_1


def strategy_route(strategies: Strategies) -> Route:
    """`GET /api/sampling?service=…`, as Jaeger's collector answers it."""

    async def strategy(request: Request) -> Response:
        services = request.query_params.getlist("service")
        if len(services) != 1:
            return PlainTextResponse("'service' parameter must be provided once", 400)
        return Response(strategies.to_json(services[0]), media_type="application/json")

    return Route(PATH, strategy)
