"""OTLP over HTTP: `POST /v1/traces`, in protobuf or JSON."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import grpc
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from spanloom_collector.agent_headers import FromAgent
from spanloom_collector.budget import Share
from spanloom_collector.doors.entrance import Entrance
from spanloom_collector.doors.otlp_answer import answer_to
from spanloom_collector.refusal import Refusal, UnsupportedError
from spanloom_dialects import otlp_json
from spanloom_dialects.density import is_dense
from spanloom_model.wire import MalformedError
from spanloom_storage.otlp_json import readable_to_protobuf

DOOR: Final = "otlp-http"
MALFORMED: Final = "not OTLP's JSON"

_PROTOBUF: Final = "application/x-protobuf"
_JSON: Final = "application/json"
_OTHER_SIGNALS: Final = ("/v1/metrics", "/v1/logs", "/v1development/profiles")


def create_app(entrance: Entrance, others: Sequence[Route]) -> Starlette:
    """What is served on port 4318, and what others answer there."""

    async def export(request: Request) -> Response:
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()

        async def take(share: Share) -> Response:
            if content_type not in {_PROTOBUF, _JSON}:
                raise UnsupportedError(
                    f"content type {content_type[:80]!r} is neither {_PROTOBUF} nor {_JSON}"
                )
            body, malformed = await entrance.body(request, share), 0
            if content_type == _JSON:
                read = partial(_from_json, most_spans=entrance.receiver.max_request_spans)
                body, malformed = await entrance.receiver.apart(read, body)
            taken = await entrance.receiver.take(
                body,
                door=DOOR,
                refused={MALFORMED: malformed} if malformed else {},
                says=f"{malformed} that are {MALFORMED}" if malformed else "",
                agent=FromAgent.of(request.headers.get),
            )
            return _answer(content_type, answer_to(taken), 200)

        def refuse(refusal: Refusal, reason: str) -> Response:
            return _answer(content_type, refusal.status(reason), refusal.http_status)

        return await entrance.over_http(DOOR, take, refuse)

    handlers: dict[Any, Any] = {HTTPException: _no_such_door}  # typed, it would take any exception
    routes = [Route("/v1/traces", export, methods=["POST"]), *others]
    return Starlette(routes=routes, exception_handlers=handlers)


def _from_json(body: bytes, *, most_spans: int) -> tuple[bytes, int]:
    """As protobuf, and how many spans could not be read; the slow reader is for what the fast one leaves."""
    if any(is_dense(body, mark, least_bytes=8) for mark in (b"{", b"[")):
        raise MalformedError("not an OTLP trace request in JSON: too little is said in so many bytes")
    fast = otlp_json.to_protobuf(body, most_spans=most_spans)
    return (fast, 0) if fast is not None else readable_to_protobuf(body, most_spans=most_spans)


async def _no_such_door(request: Request, exc: HTTPException) -> Response:
    text = f"{request.method} {request.url.path[:80]}: {exc.detail}. Spans are taken by POST /v1/traces"
    if request.url.path in _OTHER_SIGNALS:
        text = "Spanloom takes traces only; set OTEL_METRICS_EXPORTER=none and OTEL_LOGS_EXPORTER=none"
    return JSONResponse({"code": grpc.StatusCode.UNIMPLEMENTED.value[0], "message": text}, exc.status_code)


def _answer(content_type: str, message: Message, status_code: int) -> Response:
    """In the sender's own format; in JSON, which people can read, where that is neither of the two."""
    if content_type == _PROTOBUF:
        return Response(message.SerializeToString(), status_code, media_type=_PROTOBUF)
    return Response(MessageToJson(message, indent=None), status_code, media_type=_JSON)
