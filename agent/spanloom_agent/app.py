"""What the agent answers over HTTP."""

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from spanloom_agent.counts import Counts
from spanloom_agent.forwarder import Forwarder


def create_app(counts: Counts, forwarder: Forwarder) -> Starlette:
    """`/health` and `/metrics`."""

    async def health(_: Request) -> Response:
        if forwarder.trouble is not None:
            # Still 200: the agent itself works, and restarting it would lose what it keeps.
            return JSONResponse({"status": "degraded", "reason": forwarder.trouble})
        return JSONResponse({"status": "ok"})

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(counts.registry), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/health", health), Route("/metrics", metrics)])
