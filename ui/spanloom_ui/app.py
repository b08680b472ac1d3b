"""The pages' addresses."""

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from spanloom_ui import error_page
from spanloom_ui.assets import Assets
from spanloom_ui.docs_page import DocsPage
from spanloom_ui.error_page import ErrorPage
from spanloom_ui.pages import Pages
from spanloom_ui.query_api import QueryApi, Refused, Unavailable, understood
from spanloom_ui.recent_trees import RecentTrees
from spanloom_ui.search_page import EmptyStorePage, OperationOptions, operation_names, search_page
from spanloom_ui.search_request import SearchRequest, search_request
from spanloom_ui.security import HEADERS, SecurityHeaders
from spanloom_ui.span_details import SpanPanel, span_details
from spanloom_ui.trace_address import trace_address
from spanloom_ui.trace_page import find_row, trace_page


def create_app(query: httpx.AsyncClient, *, now_ns: Callable[[], int] = time.time_ns) -> Starlette:
    """The pages over the query API that *query* reaches; MisconfiguredError where they were not built."""
    assets = Assets()
    views = _Views(QueryApi(query), Pages(assets), now_ns)
    return Starlette(
        routes=[
            Route("/", lambda _: RedirectResponse("/search", 307)),
            Route("/search", views.search),
            Route("/search/operations", views.operations),
            Route("/trace", views.go_to_trace),
            Route("/trace/{trace_id}", views.trace),
            Route("/trace/{trace_id}/span/{span_id}", views.span),
            Route("/docs", views.docs),
            Route("/static/{name:path}", assets.respond),
        ],
        middleware=[
            Middleware(SecurityHeaders),
            # A page of 2,000 rows shrinks from 2 MB to 150 KB; levels above 5 cost more time than they save.
            Middleware(GZipMiddleware, minimum_size=2_000, compresslevel=5),
        ],
        exception_handlers={
            Refused: views.refused,
            Unavailable: views.unavailable,
            HTTPException: views.http_error,
            Exception: views.our_fault,
        },
    )


class _Views:
    """From a request to a page."""

    def __init__(self, api: QueryApi, pages: Pages, now_ns: Callable[[], int]) -> None:
        self._api = api
        self._pages = pages
        self._trees = RecentTrees(api)
        self._now_ns = now_ns

    async def docs(self, _: Request) -> Response:
        """The API's description, drawn by a script."""
        return self._pages.respond(DocsPage())

    async def search(self, request: Request) -> Response:
        """The form with what it found; how to begin where nothing ever arrived."""
        asked = search_request(request.query_params)
        services = await self._api.services()
        if not services:
            return self._pages.respond(EmptyStorePage())
        return await self._search(asked, services)

    async def _search(self, asked: SearchRequest, services: list[str]) -> Response:
        now_ns = self._now_ns()
        draw = partial(search_page, asked, services=services, now_ns=now_ns)
        operations = await self._api.operations(asked.service) if asked.service else []
        try:
            found = await self._api.find(asked.conditions(now_ns=now_ns))
        except (ValueError, Refused) as exc:
            return self._pages.respond(draw(operations=operations, found=None, problem=str(exc)), status=400)
        with understood():
            return self._pages.respond(draw(operations=operations, found=found, problem=""))

    async def operations(self, request: Request) -> Response:
        """What may be chosen once a service is."""
        operations = await self._api.operations(request.query_params.get("service", ""))
        with understood():
            return self._pages.respond(OperationOptions(operations=operation_names(operations)))

    async def go_to_trace(self, request: Request) -> Response:
        """Where the box in the header leads."""
        return self._canonical(request.query_params.get("id", "")) or RedirectResponse("/search", 303)

    def _canonical(self, text: str) -> Response | None:
        """The way to the id's one address, or None for an empty text."""
        if not text.strip():
            return None
        try:
            return RedirectResponse(trace_address(text), 303)
        except ValueError as exc:
            return self._error(error_page.malformed_id(str(exc)))

    async def trace(self, request: Request) -> Response:
        """One trace."""
        trace_id = request.path_params["trace_id"]
        if not _is_canonical(trace_id):
            return self._canonical(trace_id) or self._error(error_page.no_such_page())
        try:
            tree = await self._trees.newest(trace_id)
        except Refused as exc:
            if exc.status != 404:
                raise
            return self._error(error_page.trace_not_stored(trace_id, _address(request)))
        query = request.query_params
        draw = partial(
            trace_page,
            tree,
            span_id=query.get("span", "").lower(),
            row=_integer(query.get("row")),
            first=_integer(query.get("from")),
            now_ns=self._now_ns(),
        )
        with understood():
            return await asyncio.to_thread(lambda: self._pages.respond(draw()))

    async def span(self, request: Request) -> Response:
        """The panel of one span alone, for the script that puts it beside the tree."""
        trace_id, span_id = request.path_params["trace_id"], request.path_params["span_id"].lower()
        if not _is_canonical(trace_id):
            return self._error(error_page.malformed_id("a trace id is 32 hex digits here"))
        tree = await self._trees.as_drawn(trace_id)
        with understood():
            row = find_row(tree, span_id, _integer(request.query_params.get("row")))
            if row is None:
                return self._error(error_page.no_such_page())
            return self._pages.respond(SpanPanel(details=span_details(tree, row)))

    async def refused(self, _: Request, exc: Any) -> Response:
        """The query service said no."""
        return self._error(error_page.refused(str(exc), exc.status))

    async def unavailable(self, request: Request, exc: Any) -> Response:
        """The query service said nothing useful."""
        return self._error(error_page.unavailable(str(exc), exc.status, _address(request)))

    async def http_error(self, _: Request, exc: Any) -> Response:
        """No such address, or not with this method."""
        if exc.status_code == 404:
            return self._error(error_page.no_such_page())
        return self._error(error_page.refused(f"{exc.detail}.", exc.status_code), headers=exc.headers)

    async def our_fault(self, _: Request, __: Exception) -> Response:
        """Starlette logs the defect, and answers outside of the middleware that sets the headers."""
        return self._error(error_page.our_fault(), headers=HEADERS)

    def _error(self, page: ErrorPage, *, headers: Mapping[str, str] | None = None) -> Response:
        retry = {"retry-after": "5"} if page.status == 503 else {}
        return self._pages.respond(page, status=page.status, headers={**(headers or {}), **retry})


def _is_canonical(trace_id: str) -> bool:
    return len(trace_id) == 32 and set(trace_id) <= set("0123456789abcdef") and trace_id != 32 * "0"


def _integer(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _address(request: Request) -> str:
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
