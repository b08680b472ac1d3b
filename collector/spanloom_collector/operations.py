"""What operators ask of any port: `/health`, `/ready` and `/metrics`."""

import time
from typing import Final, Protocol

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from spanloom_collector.counts import Counts
from spanloom_collector.receiver import Receiver

UNREADY_S: Final = 10.0
"""So long after storage has refused spans, others are better asked to take them."""


class Troubled(Protocol):
    """A part that goes on working though something is wrong."""

    @property
    def trouble(self) -> str | None:
        """What, in one sentence."""


def operations(counts: Counts, receiver: Receiver, *parts: Troubled) -> list[Route]:
    """The routes."""

    async def health(_: Request) -> Response:
        if reason := "; ".join(filter(None, (part.trouble for part in (receiver, *parts)))):
            # Still 200: the collector works, and restarting it would help nobody.
            return JSONResponse({"status": "degraded", "reason": reason})
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> Response:
        # For so long only: who is sent nothing more would never learn that storage is well again.
        if receiver.trouble is not None and time.monotonic() - receiver.troubled_s < UNREADY_S:
            return JSONResponse({"status": "unready", "reason": receiver.trouble}, 503)
        return JSONResponse({"status": "ready"})

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(counts.told()), media_type=CONTENT_TYPE_LATEST)

    return [Route("/health", health), Route("/ready", ready), Route("/metrics", metrics)]
