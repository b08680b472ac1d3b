"""The routes of `/api/v1`: words in, a question to storage, an answer out."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, HTTPException, Path, Query, Response
from fastapi.openapi.models import Example
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter

from spanloom_model.span import SpanKind
from spanloom_model.tree import tree_of
from spanloom_query import answers, parameters
from spanloom_query.tree_answer import tell_tree
from spanloom_storage import otlp, otlp_json
from spanloom_storage.api import SpanReader, TraceQuery, TraceSummary
from spanloom_storage.batch import SpanBatch
from spanloom_storage.spans import spans_of

PROBLEM: Final = "application/problem+json"
PROTOBUF: Final = "application/x-protobuf"
MAX_LIMIT: Final = 1000

_FINDING: Final = "Finding traces"
_LOOKING: Final = "Looking at one"

_PROBLEM: Final = {"content": {PROBLEM: {"schema": TypeAdapter(answers.Problem).json_schema()}}}
_FAILURES: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {**_PROBLEM, "description": "The request makes no sense; the sentence says why"},
    503: {**_PROBLEM, "description": "Storage cannot be asked now; try again later"},
}
_NOT_FOUND: Final[dict[int | str, dict[str, Any]]] = {
    404: {**_PROBLEM, "description": "No span of this trace is stored (yet)"}
}

_QUERIES: Final = {
    "slow": Example(summary="Slow checkouts", value='{ name = "checkout" && duration > 2s }'),
    "failed": Example(
        summary="Both failed", value='{ span:status = error && .tier = "gold" } && { span.db.system != nil }'
    ),
    "many": Example(summary="Many calls", value="{ kind = client } | count() > 20"),
}

TraceIdText = Annotated[
    str, Path(description="Up to 32 hex digits", examples=["4bf92f3577b34da6a3ce929d0e0e4736"])
]
Moment = Annotated[str | None, Query(description="RFC 3339 or Unix nanoseconds")]


def api(reader: SpanReader) -> APIRouter:
    """The routes over what *reader* reads."""
    router = APIRouter(prefix="/api/v1", responses=_FAILURES)
    _add_finding(router, reader)
    _add_looking(router, reader)
    return router


def _add_finding(router: APIRouter, reader: SpanReader) -> None:
    """Which services, operations and traces there are."""

    @router.get("/services", tags=[_FINDING], summary="All services")
    async def services() -> answers.Services:
        return answers.Services(services=list(await reader.services()))

    @router.get("/operations", tags=[_FINDING], summary="What a service does")
    async def operations(service: str) -> answers.Operations:
        found = await reader.operations(service)
        told = [answers.Operation(name=one.name, kind=_kind(one.kind)) for one in found]
        return answers.Operations(operations=told)

    @router.get(
        "/traces",
        tags=[_FINDING],
        summary="Traces that match, newest first",
        description="`q`, or the simple parameters, which one span meets all of; without both, all traces.",
    )
    async def traces(
        q: Annotated[str | None, Query(description="TraceQL", openapi_examples=_QUERIES)] = None,
        service: str | None = None,
        operation: Annotated[str | None, Query(description="The span's name")] = None,
        start: Moment = None,
        end: Moment = None,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 20,
        cursor: Annotated[str | None, Query(description="`next` of the page before")] = None,
    ) -> answers.Traces:
        # In a thread: a long query with many patterns must not hold up everybody else.
        where = await asyncio.to_thread(parameters.spans, q, service=service, operation=operation)
        page = await reader.find(
            TraceQuery(
                where=where,
                start_ns=parameters.moment_ns(start),
                end_ns=parameters.moment_ns(end),
                limit=limit,
                after=parameters.place(cursor),
            )
        )
        told = [_summary(summary) for summary in page.traces]
        return answers.Traces(traces=told, next=parameters.cursor(page.next))


def _add_looking(router: APIRouter, reader: SpanReader) -> None:
    """One trace, in its forms."""

    @router.get(
        "/traces/{trace_id}",
        tags=[_LOOKING],
        summary="A trace as OTLP, in JSON or (by Accept) protobuf",
        responses={
            200: {"content": {"application/json": {}, PROTOBUF: {}}, "description": "TracesData"},
            **_NOT_FOUND,
        },
        response_class=Response,
    )
    async def trace(
        trace_id: TraceIdText, accept: Annotated[str, Header(include_in_schema=False)] = ""
    ) -> Response:
        batch = await _stored(reader, trace_id)
        if PROTOBUF in accept:
            return Response(await asyncio.to_thread(otlp.encoded, batch), media_type=PROTOBUF)
        body = await asyncio.to_thread(lambda: otlp_json.from_protobuf(otlp.encoded(batch)))
        return Response(body, media_type="application/json")

    @router.get(
        "/traces/{trace_id}/tree",
        tags=[_LOOKING],
        summary="A trace as a tree: parents first, siblings by start",
        response_model=answers.Tree,
        responses=_NOT_FOUND,
    )
    async def tree(trace_id: TraceIdText) -> Response:
        batch = await _stored(reader, trace_id)
        # Rendered in the thread too: a large trace must not hold up everybody else.
        body = await asyncio.to_thread(lambda: JSONResponse(_tree(batch)).body)
        return Response(body, media_type="application/json")


async def _stored(reader: SpanReader, text: str) -> SpanBatch:
    batch = await reader.trace(parameters.trace_id(text))
    if not batch.num_rows:
        raise HTTPException(404, f"no span of trace {text[:40]} is stored (yet)")
    return batch


def _tree(batch: SpanBatch) -> answers.Tree:
    spans = spans_of(batch)
    return tell_tree(spans[0].trace_id, tree_of(spans))


def _summary(summary: TraceSummary) -> answers.TraceSummary:
    return answers.TraceSummary(
        trace_id=summary.trace_id.hex(),
        service=summary.service,
        name=summary.name,
        root_missing=summary.root_missing,
        start_ns=summary.start_ns,
        duration_ns=summary.duration_ns,
        span_count=summary.span_count,
        error_count=summary.error_count,
        services=[
            answers.ServiceCount(
                name=count.service, span_count=count.span_count, error_count=count.error_count
            )
            for count in summary.services
        ],
    )


def _kind(number: int) -> str:
    known = {kind.value: kind for kind in SpanKind}
    return known.get(number, SpanKind.UNSPECIFIED).label
