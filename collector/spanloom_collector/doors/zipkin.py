"""Zipkin: `POST /api/v2/spans` in JSON or protobuf, `POST /api/v1/spans` in JSON or Thrift.

Answers are Zipkin's: 202 and nothing, or a status and a sentence. A bad span costs only itself, where Zipkin
would refuse the list: 202 then, with Zipkin's sentence about it; 400 where no good one is left.
"""

from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from spanloom_collector.budget import Share
from spanloom_collector.doors.entrance import Entrance
from spanloom_collector.refusal import Refusal
from spanloom_dialects.translated import Translated
from spanloom_dialects.zipkin.json_list import from_json
from spanloom_dialects.zipkin.proto_list import from_proto
from spanloom_dialects.zipkin.v1_json import from_v1_json
from spanloom_dialects.zipkin.v1_thrift import from_v1_thrift
from spanloom_model.wire import MalformedError

DOOR: Final = "zipkin"

Translate = Callable[[bytes], Translated]


def routes(entrance: Entrance) -> list[Route]:
    """What is served on port 9411; any other type of content is JSON, as of clients that say none."""
    return [
        _spans("/api/v2/spans", entrance, {"application/x-protobuf": from_proto}, from_json),
        _spans("/api/v1/spans", entrance, {"application/x-thrift": from_v1_thrift}, from_v1_json),
    ]


def _spans(path: str, entrance: Entrance, binary: dict[str, Translate], json: Translate) -> Route:
    async def post(request: Request) -> Response:
        async def take(share: Share) -> Response:
            content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            body = await _body(entrance, request, share)
            taken = await entrance.translate(binary.get(content_type, json), body, DOOR)
            return PlainTextResponse(taken.message, 400 if taken.rejected and not taken.stored else 202)

        return await entrance.over_http(DOOR, take, _refused)

    return Route(path, post, methods=["POST"])


async def _body(entrance: Entrance, request: Request, share: Share) -> bytes:
    try:
        return await entrance.body(request, share)
    except MalformedError as exc:
        if "gzip" in request.headers.get("content-encoding", "").lower():
            raise MalformedError("Cannot gunzip spans") from exc
        raise


def _refused(refusal: Refusal, reason: str) -> Response:
    return PlainTextResponse(reason, refusal.http_status)
