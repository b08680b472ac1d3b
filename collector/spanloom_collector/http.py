"""OTLP over HTTP: `POST /v1/traces`, in protobuf or JSON, and what operators ask for."""

import asyncio
from typing import Final

from fastapi import FastAPI, Request, Response
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from spanloom_collector.compression import decompressed
from spanloom_collector.counts import Counts
from spanloom_collector.receiver import Receiver
from spanloom_collector.refusal import REFUSED, RETRY_AFTER_S, TooLargeError, UnsupportedError, refusal_of
from spanloom_storage.otlp_json import to_protobuf

DOOR: Final = "otlp-http"

_PROTOBUF: Final = "application/x-protobuf"
_JSON: Final = "application/json"


def create_app(receiver: Receiver, counts: Counts, *, max_request_bytes: int) -> FastAPI:
    """The collector's HTTP side."""
    app = FastAPI(title="Spanloom collector", docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/v1/traces")
    async def export(request: Request) -> Response:
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            body = await _otlp(request, content_type, max_request_bytes)
            return _answer(content_type, await receiver.take(body, door=DOOR), 200)
        except REFUSED as exc:
            refusal = refusal_of(exc)
            counts.requests.labels(DOOR, refusal.outcome).inc()
            answer = _answer(content_type, refusal.status(str(exc)), refusal.http_status)
            if refusal.retry:
                answer.headers["Retry-After"] = str(RETRY_AFTER_S)
            return answer

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(counts.registry), media_type=CONTENT_TYPE_LATEST)

    return app


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
    if content_type == _JSON:
        return Response(MessageToJson(message, indent=None), status_code, media_type=_JSON)
    return Response(message.SerializeToString(), status_code, media_type=_PROTOBUF)
