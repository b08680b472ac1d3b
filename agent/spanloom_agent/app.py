"""What the agent answers over HTTP."""

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from spanloom_agent.counts import Counts
from spanloom_agent.forwarder import Forwarder
from spanloom_agent.spool import Spool


def create_app(counts: Counts, spool: Spool, forwarder: Forwarder) -> Starlette:
    """`/health`, `/ready` and `/metrics`."""

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

    return Starlette(routes=[Route("/health", health), Route("/ready", ready), Route("/metrics", metrics)])
