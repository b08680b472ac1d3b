"""OTLP over HTTP: `POST /v1/traces`, in protobuf or JSON, and what operators ask for."""

import asyncio
from typing import Final

import grpc
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from spanloom_collector.budget import Budget
from spanloom_collector.compression import decompressed
from spanloom_collector.counts import Counts
from spanloom_collector.receiver import Receiver
from spanloom_collector.refusal import RETRY_AFTER_S, TooLargeError, UnsupportedError, refusal_of
from spanloom_storage.otlp_json import to_protobuf

DOOR: Final = "otlp-http"

_PROTOBUF: Final = "application/x-protobuf"
_JSON: Final = "application/json"
_OTHER_SIGNALS: Final = ("/v1/metrics", "/v1/logs", "/v1development/profiles")


def create_app(receiver: Receiver, counts: Counts, budget: Budget, *, max_request_bytes: int) -> FastAPI:
    """The collector's HTTP side."""
    app = FastAPI(title="Spanloom collector", docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/v1/traces")
    async def export(request: Request) -> Response:
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            with budget.taking(_announced_bytes(request, max_request_bytes)):
                body = await _otlp(request, content_type, max_request_bytes)
                return _answer(content_type, await receiver.take(body, door=DOOR), 200)
        except ClientDisconnect:
            counts.requests.labels(DOOR, "disconnected").inc()
            return Response(status_code=400)  # nobody reads it
        except Exception as exc:  # noqa: BLE001  # the table has a row for every one
            refusal, reason = refusal_of(exc)
            counts.requests.labels(DOOR, refusal.outcome).inc()
            answer = _answer(content_type, refusal.status(reason), refusal.http_status)
            if refusal.retry:
                answer.headers["Retry-After"] = str(RETRY_AFTER_S)
            return answer

    @app.get("/health")
    async def health() -> Response:
        if receiver.trouble is not None:
            # Still 200: who sends nothing more for it would never learn that storage is well again.
            return JSONResponse({"status": "degraded", "reason": receiver.trouble})
        return JSONResponse({"status": "ok"})

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(counts.told()), media_type=CONTENT_TYPE_LATEST)

    @app.exception_handler(HTTPException)
    async def no_such_door(request: Request, exc: HTTPException) -> Response:
        text = f"{request.method} {request.url.path[:80]}: {exc.detail}. Spans are taken by POST /v1/traces"
        if request.url.path in _OTHER_SIGNALS:
            text = "Spanloom takes traces only; set OTEL_METRICS_EXPORTER=none and OTEL_LOGS_EXPORTER=none"
        return JSONResponse(
            {"code": grpc.StatusCode.UNIMPLEMENTED.value[0], "message": text}, exc.status_code
        )

    return app


def _announced_bytes(request: Request, limit_bytes: int) -> int:
    """How much the body may take: as much as it says, or the limit where it does not, or is compressed."""
    announced = request.headers.get("content-length", "")
    size = int(announced) if announced.isascii() and announced.isdecimal() else limit_bytes
    if size > limit_bytes:
        raise TooLargeError(limit_bytes)
    return limit_bytes if request.headers.get("content-encoding") else size


async def _otlp(request: Request, content_type: str, limit_bytes: int) -> bytes:
    """The request's body as binary OTLP."""
    if content_type not in {_PROTOBUF, _JSON}:
        raise UnsupportedError(f"content type {content_type[:80]!r} is neither {_PROTOBUF} nor {_JSON}")
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > limit_bytes:
            raise TooLargeError(limit_bytes)
    encoding = request.headers.get("content-encoding", "")
    body = decompressed(bytes(received), encoding, limit_bytes=limit_bytes)
    return await asyncio.to_thread(to_protobuf, body) if content_type == _JSON else body


def _answer(content_type: str, message: Message, status_code: int) -> Response:
    """In the sender's own format; in JSON, which people can read, where that is neither of the two."""
    if content_type == _PROTOBUF:
        return Response(message.SerializeToString(), status_code, media_type=_PROTOBUF)
    return Response(MessageToJson(message, indent=None), status_code, media_type=_JSON)
