"""What the agent answers over HTTP."""

from collections.abc import Awaitable, Callable

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from spanloom_agent.counts import Counts
from spanloom_agent.forwarder import Forwarder
from spanloom_agent.sampling import Sampling, UnknownError
from spanloom_agent.spool import Spool


def create_app(counts: Counts, spool: Spool, forwarder: Forwarder, sampling: Sampling) -> Starlette:
    """`/health`, `/ready`, `/metrics`, and what Jaeger clients ask of their host's agent."""

    async def health(_: Request) -> Response:
        trouble = "; ".join(filter(None, (forwarder.trouble, spool.disk_trouble)))
        if trouble:
            # Still 200: the agent itself works, and restarting it would lose what it keeps.
            return JSONResponse({"status": "degraded", "reason": trouble})
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> Response:
        # Datagrams are taken before this is served, whether or not a collector is there.
        return JSONResponse({"status": "ready"})

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(counts.registry), media_type=CONTENT_TYPE_LATEST)

    async def strategy(service: str) -> Response:
        try:
            return Response(await sampling.strategy(service), media_type="application/json")
        except UnknownError as exc:
            return PlainTextResponse(f"collector error: {exc}", 500)

    async def restrictions(_: str) -> Response:
        return JSONResponse([])

    return Starlette(
        routes=[
            Route("/", _of_service(strategy)),
            Route("/sampling", _of_service(strategy)),
            Route("/baggageRestrictions", _of_service(restrictions)),
            Route("/health", health),
            Route("/ready", ready),
            Route("/metrics", metrics),
        ]
    )


def _of_service(answer: Callable[[str], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """A route that wants to know the service, in the words of Jaeger's agent where it is not told."""

    async def answering(request: Request) -> Response:
        services = request.query_params.getlist("service")
        if len(services) != 1:
            return PlainTextResponse("'service' parameter must be provided once", 400)
        return await answer(services[0])

    return answering
