"""A query service made of given traces, to see and test the pages without a store.

uvicorn --factory spanloom_ui.testing:sample_app
"""

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from spanloom_model.span import Attributes, AttributeValue, Event, Link, Resource, Scope, Span, StatusCode
from spanloom_model.tree import Row, tree_of
from spanloom_ui.app import create_app
from spanloom_ui.sample_traces import NOW_NS, hostile_trace, huge_trace, shop_traces


def fake_query(traces: Iterable[Sequence[Span]]) -> httpx.AsyncClient:
    """A client of a query service that holds *traces*."""
    transport = httpx.ASGITransport(FakeQuery(traces).app)
    return httpx.AsyncClient(transport=transport, base_url="http://query")


def sample_app() -> Starlette:
    """The pages over every sample, for the eye."""
    return create_app(
        fake_query([*shop_traces(), huge_trace(10_000), hostile_trace()]), now_ns=lambda: NOW_NS
    )


class FakeQuery:
    """Answers the query API from memory; cursors are plain positions."""

    def __init__(self, traces: Iterable[Sequence[Span]]) -> None:
        self._trees = {spans[0].trace_id.hex(): tree_json(spans) for spans in traces}
        self._newest = sorted(self._trees.values(), key=lambda tree: -tree["start_ns"])
        self.app = Starlette(
            routes=[
                Route("/api/v1/services", self._services),
                Route("/api/v1/operations", self._operations),
                Route("/api/v1/traces", self._find),
                Route("/api/v1/traces/{trace_id}/tree", self._tree),
            ]
        )

    async def _services(self, _: Request) -> Response:
        names = {service["name"] for tree in self._newest for service in tree["services"]}
        return _json({"services": sorted(names)})

    async def _operations(self, request: Request) -> Response:
        service = request.query_params["service"]
        spans = [span for tree in self._newest for span in tree["spans"] if span["service"] == service]
        pairs = sorted({(span["name"], span["kind"]) for span in spans})
        return _json({"operations": [{"name": name, "kind": kind} for name, kind in pairs]})

    async def _find(self, request: Request) -> Response:
        query = request.query_params
        first, limit = int(query.get("cursor", "0")), int(query.get("limit", "20"))
        matches = [tree for tree in self._newest if _matches(tree, query)]
        rest = len(matches) > first + limit
        return _json(
            {
                "traces": [_summary(tree) for tree in matches[first : first + limit]],
                "next": str(first + limit) if rest else None,
            }
        )

    async def _tree(self, request: Request) -> Response:
        tree = self._trees.get(request.path_params["trace_id"])
        return _json(tree) if tree else _json({"detail": "no such trace"}, status=404)


def _json(content: Any, *, status: int = 200) -> Response:
    """JSON that may hold half surrogate pairs, as real answers may; Starlette's own refuses them."""
    return Response(json.dumps(content), status, media_type="application/json")


def _matches(tree: dict[str, Any], query: Any) -> bool:
    service, operation = query.get("service"), query.get("operation")
    start, end = query.get("start"), query.get("end")
    return (
        any(
            (not service or span["service"] == service) and (not operation or span["name"] == operation)
            for span in tree["spans"]
        )
        and (not start or not start.isdigit() or tree["start_ns"] >= int(start))
        and (not end or not end.isdigit() or tree["start_ns"] <= int(end))
    )


def _summary(tree: dict[str, Any]) -> dict[str, Any]:
    root = tree["spans"][0]
    kept = ("trace_id", "start_ns", "duration_ns", "span_count", "error_count")
    return {
        **{key: tree[key] for key in kept},
        "service": root["service"],
        "name": root["name"],
        "root_missing": root["parent_id"] is not None,
        "services": sorted(tree["services"], key=lambda service: -service["span_count"]),
    }


def tree_json(spans: Sequence[Span]) -> dict[str, Any]:
    """What the query API's `tree` answers for a trace of *spans*."""
    tree = tree_of(spans)
    resources = list({span.resource: None for span in spans})
    scopes = list({span.scope: None for span in spans})
    places = (
        {resource: place for place, resource in enumerate(resources)},
        {s: p for p, s in enumerate(scopes)},
    )
    return {
        "trace_id": spans[0].trace_id.hex(),
        "start_ns": tree.start_ns,
        "duration_ns": tree.duration_ns,
        "span_count": len(spans),
        "error_count": tree.error_count,
        "depth": tree.depth,
        "services": _service_counts(tree.rows),
        "warnings": list(tree.warnings),
        "spans": [
            _span_json(row, tree.start_ns)
            | {"resource": places[0][row.span.resource], "scope": places[1][row.span.scope]}
            for row in tree.rows
        ],
        "resources": [_resource_json(resource) for resource in resources],
        "scopes": [
            {"name": scope.name, "version": scope.version, **_resource_json(scope)} for scope in scopes
        ],
    }


def _service_counts(rows: Sequence[Row]) -> list[dict[str, Any]]:
    spans = Counter(row.span.service for row in rows)
    errors = Counter(row.span.service for row in rows if row.span.status is StatusCode.ERROR)
    return [{"name": name, "span_count": count, "error_count": errors[name]} for name, count in spans.items()]


def _span_json(row: Row, trace_start_ns: int) -> dict[str, Any]:
    span = row.span
    return {
        "span_id": span.span_id.hex(),
        "parent_id": span.parent_id.hex() if span.parent_id else None,
        "depth": row.depth,
        "descendants": row.descendants,
        "service": span.service,
        "name": span.name,
        "kind": span.kind.label,
        "start_ns": span.start_ns,
        "offset_ns": span.start_ns - trace_start_ns if span.start_ns else 0,
        "duration_ns": span.duration_ns,
        "status": span.status.label,
        "status_message": span.status_message,
        "attributes": _attributes_json(span.attributes),
        "events": [_event_json(event, trace_start_ns) for event in span.events],
        "links": [_link_json(link) for link in span.links],
        "trace_state": span.trace_state,
        "flags": span.flags,
        "dropped_attributes_count": span.dropped_attributes_count,
        "dropped_events_count": span.dropped_events_count,
        "dropped_links_count": span.dropped_links_count,
    }


def _event_json(event: Event, trace_start_ns: int) -> dict[str, Any]:
    return {
        "name": event.name,
        "time_ns": event.time_ns,
        "offset_ns": event.time_ns - trace_start_ns,
        "attributes": _attributes_json(event.attributes),
        "dropped_attributes_count": event.dropped_attributes_count,
    }


def _link_json(link: Link) -> dict[str, Any]:
    return {
        "trace_id": link.trace_id.hex(),
        "span_id": link.span_id.hex(),
        "trace_state": link.trace_state,
        "flags": link.flags,
        "attributes": _attributes_json(link.attributes),
        "dropped_attributes_count": link.dropped_attributes_count,
    }


def _resource_json(part: Resource | Scope) -> dict[str, Any]:
    return {
        "attributes": _attributes_json(part.attributes),
        "dropped_attributes_count": part.dropped_attributes_count,
        "schema_url": part.schema_url,
    }


def _attributes_json(attributes: Attributes) -> list[dict[str, Any]]:
    return [{"key": key, **_value_json(value)} for key, value in attributes]


def _value_json(value: AttributeValue) -> dict[str, Any]:
    match value:
        case None:
            return {"type": "empty", "value": None}
        case bool():
            return {"type": "bool", "value": value}
        case int():
            return {"type": "int", "value": value}
        case float():
            return {"type": "double", "value": value}
        case str():
            return {"type": "string", "value": value}
        case bytes():
            return {"type": "bytes", "value": b64encode(value).decode()}
        case Attributes():
            return {"type": "kvlist", "value": _attributes_json(value)}
        case tuple():
            return {"type": "array", "value": [_value_json(part) for part in value]}
