"""Jaeger's Thrift over HTTP: `POST /api/traces`, answered as Jaeger's own collector does."""

from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from spanloom_collector.budget import Share
from spanloom_collector.doors.entrance import Entrance
from spanloom_collector.refusal import UNREADABLE, Refusal, UnsupportedError
from spanloom_dialects.jaeger.thrift_batch import from_batch

DOOR: Final = "jaeger-http"

_THRIFT: Final = frozenset({"application/x-thrift", "application/vnd.apache.thrift.binary"})


def routes(entrance: Entrance) -> list[Route]:
    """What is served on port 14268."""

    async def post(request: Request) -> Response:
        async def take(share: Share) -> Response:
            content_type = request.headers.get("content-type", "")
            if content_type.partition(";")[0].strip().lower() not in _THRIFT:
                raise UnsupportedError(f"Unsupported content type: {content_type[:80]}")
            taken = await entrance.translate(from_batch, await entrance.body(request, share), DOOR)
            if taken.rejected and not taken.stored:
                return PlainTextResponse(UNREADABLE + taken.message, 400)
            return PlainTextResponse(taken.message, 202)

        return await entrance.over_http(DOOR, take, _refused)

    return [Route("/api/traces", post, methods=["POST"])]


def _refused(refusal: Refusal, reason: str) -> Response:
    status, before = refusal.jaeger
    return PlainTextResponse(before + reason.removeprefix(before), status)
