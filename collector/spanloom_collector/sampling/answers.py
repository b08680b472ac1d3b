"""What samplers ask, and how they are answered: over HTTP and gRPC, as Jaeger's collector does."""

import json
from typing import Final

import grpc
from google.protobuf.message import DecodeError
from google.protobuf.wrappers_pb2 import StringValue
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from spanloom_collector.sampling.service import SamplingService
from spanloom_collector.sampling.strategy import Strategy

_GRPC_SERVICE: Final = "jaeger.api_v2.SamplingManager"


def sampling_routes(sampling: SamplingService) -> list[Route]:
    """`GET /sampling?service=…`, `GET /api/sampling?service=…` and `POST /api/v2/samplingStrategy`."""

    async def by_parameter(request: Request) -> Response:
        services = request.query_params.getlist("service")
        if len(services) != 1:
            return PlainTextResponse("'service' parameter must be provided once\n", 400)
        return _answer(sampling.strategy_for(services[0]))

    async def by_body(request: Request) -> Response:
        try:
            service = json.loads(await request.body())["serviceName"]
        except (ValueError, KeyError, TypeError, RecursionError):
            service = None
        if not isinstance(service, str):
            return PlainTextResponse('the body is JSON, as in {"serviceName": "shop"}\n', 400)
        return _answer(sampling.strategy_for(service))

    return [
        Route("/sampling", by_parameter),
        Route("/api/sampling", by_parameter),
        Route("/api/v2/samplingStrategy", by_body, methods=["POST"]),
    ]


def sampling_handlers(sampling: SamplingService) -> grpc.GenericRpcHandler:
    """`jaeger.api_v2.SamplingManager/GetSamplingStrategy`."""

    async def get(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        try:
            service = StringValue.FromString(request).value  # serviceName = 1, and nothing else
        except DecodeError:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "not a SamplingStrategyParameters")
        return sampling.strategy_for(service).as_protobuf()

    return grpc.method_handlers_generic_handler(
        _GRPC_SERVICE, {"GetSamplingStrategy": grpc.unary_unary_rpc_method_handler(get)}
    )


def _answer(strategy: Strategy) -> Response:
    return Response(strategy.as_json(), media_type="application/json")
