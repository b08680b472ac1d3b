"""The query service as a web application: the API, its errors in one shape, its metrics."""

import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from spanloom_query.api import PROBLEM, api
from spanloom_query.counts import Counts
from spanloom_query.language import QueryError
from spanloom_query.parameters import BadRequestError
from spanloom_storage.api import SpanReader
from spanloom_storage.errors import StorageError, Unanswerable

RETRY_AFTER_S: Final = 2

_METHODS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def create_app(reader: SpanReader) -> FastAPI:
    """The API over what *reader* reads; OpenAPI's description is at /openapi.json."""
    app = FastAPI(
        title="Spanloom",
        version="1",
        description="Stored traces. Times are Unix nanoseconds, ids lower-case hex. JavaScript rounds "
        "integers beyond 2^53: there, use `offset_ns`, or OTLP, which writes them as strings.",
        docs_url=None,
        redoc_url=None,
    )
    counts = Counts()
    app.include_router(api(reader))
    app.add_exception_handler(BadRequestError, _bad_request)
    app.add_exception_handler(QueryError, _query_error)
    app.add_exception_handler(Unanswerable, _bad_request)
    app.add_exception_handler(StorageError, _storage_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _our_fault)

    @app.middleware("http")
    async def count(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        began = time.perf_counter()
        status = "500"
        try:
            response = await call_next(request)
            status = str(response.status_code)
        finally:
            # The route's pattern, not the path: metrics must not grow with what people ask for.
            route = getattr(request.scope.get("route"), "path", "(other)")
            counts.request_seconds.labels(route, status).observe(time.perf_counter() - began)
        return response

    @app.get("/health", include_in_schema=False)
    async def health() -> dict[str, object]:
        status = await reader.status()
        if status.damaged:
            return {"status": "degraded", "reason": "damaged files were set aside", "damaged": status.damaged}
        return {"status": "ok"}

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        counts.tell(await reader.status())
        return Response(generate_latest(counts.registry), media_type=CONTENT_TYPE_LATEST)

    @app.api_route("/api/{path:path}", methods=_METHODS, include_in_schema=False)
    async def unknown(path: str) -> Response:
        return _failure(404, f"the API has no /api/{path[:80]}; /docs lists what it has")

    return app


def _failure(status_code: int, sentence: str, **more: int) -> Response:
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status_code == 503 else {}
    problem = {"title": HTTPStatus(status_code).phrase, "status": status_code, "detail": sentence, **more}
    return JSONResponse(problem, status_code, headers, media_type=PROBLEM)


async def _bad_request(_: Request, exc: Exception) -> Response:
    return _failure(400, str(exc))


async def _query_error(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, QueryError)  # noqa: S101  # registered for nothing else
    return _failure(400, str(exc), position=exc.at + 1, length=exc.length)


async def _storage_error(_: Request, exc: Exception) -> Response:
    return _failure(503, str(exc))


async def _our_fault(_: Request, __: Exception) -> Response:
    return _failure(500, "the query service failed; its log says why")


async def _validation_error(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)  # noqa: S101  # registered for nothing else
    sentences = (f"{error['loc'][-1]}: {error['msg']}" for error in exc.errors())
    return _failure(400, "; ".join(sentences))


async def _http_error(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)  # noqa: S101  # registered for nothing else
    return _failure(exc.status_code, str(exc.detail))
