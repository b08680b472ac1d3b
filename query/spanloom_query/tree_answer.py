"""A tree of spans as the API tells it."""

import base64
import math
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from spanloom_model.ids import TraceId
from spanloom_model.span import Attributes, AttributeValue, Event, Link, Resource, Scope, StatusCode
from spanloom_model.tree import Row, Tree
from spanloom_query import answers

Thing = TypeVar("Thing")
Told = TypeVar("Told")


class _Listed(Generic[Thing, Told]):
    """Each thing once, in a list that rows point into.

    Things are told apart by identity, as spans share them: to Python, 1 and True would be equal.
    """

    def __init__(self, tell: Callable[[Thing], Told]) -> None:
        self._tell = tell
        self._index: dict[int, int] = {}
        self.told: list[Told] = []

    def index(self, thing: Thing) -> int:
        if id(thing) not in self._index:
            self._index[id(thing)] = len(self.told)
            self.told.append(self._tell(thing))
        return self._index[id(thing)]


def tell_tree(trace_id: TraceId, tree: Tree) -> answers.Tree:
    """The whole tree; resources and scopes, which many spans share, stand beside the rows."""
    resources = _Listed(_resource)
    scopes = _Listed(_scope)
    rows = [_row(row, tree.start_ns, resources, scopes) for row in tree.rows]
    return answers.Tree(
        trace_id=trace_id.hex(),
        start_ns=tree.start_ns,
        duration_ns=tree.duration_ns,
        span_count=len(tree.rows),
        error_count=tree.error_count,
        depth=tree.depth,
        services=_services(tree),
        warnings=list(tree.warnings),
        spans=rows,
        resources=resources.told,
        scopes=scopes.told,
    )


def _row(
    row: Row,
    start_ns: int,
    resources: _Listed[Resource, answers.Resource],
    scopes: _Listed[Scope, answers.Scope],
) -> answers.TreeSpan:
    span = row.span
    return answers.TreeSpan(
        span_id=span.span_id.hex(),
        parent_id=span.parent_id.hex() if span.parent_id else None,
        depth=row.depth,
        descendants=row.descendants,
        service=span.service,
        name=span.name,
        kind=span.kind.label,
        start_ns=span.start_ns,
        offset_ns=span.start_ns - start_ns if span.start_ns else 0,
        duration_ns=span.duration_ns,
        status=span.status.label,
        status_message=span.status_message,
        attributes=_attributes(span.attributes),
        events=[_event(event, start_ns) for event in span.events],
        links=[_link(link) for link in span.links],
        resource=resources.index(span.resource),
        scope=scopes.index(span.scope),
        trace_state=span.trace_state,
        flags=span.flags,
        dropped_attributes_count=span.dropped_attributes_count,
        dropped_events_count=span.dropped_events_count,
        dropped_links_count=span.dropped_links_count,
    )


def _services(tree: Tree) -> list[answers.ServiceCount]:
    counts: dict[str, answers.ServiceCount] = {}
    for row in tree.rows:
        name = row.span.service
        count = counts.setdefault(name, answers.ServiceCount(name=name, span_count=0, error_count=0))
        count["span_count"] += 1
        count["error_count"] += row.span.status is StatusCode.ERROR
    return list(counts.values())


def _event(event: Event, start_ns: int) -> answers.Event:
    return answers.Event(
        name=event.name,
        time_ns=event.time_ns,
        offset_ns=event.time_ns - start_ns,
        attributes=_attributes(event.attributes),
        dropped_attributes_count=event.dropped_attributes_count,
    )


def _link(link: Link) -> answers.Link:
    return answers.Link(
        trace_id=link.trace_id.hex(),
        span_id=link.span_id.hex(),
        trace_state=link.trace_state,
        flags=link.flags,
        attributes=_attributes(link.attributes),
        dropped_attributes_count=link.dropped_attributes_count,
    )


def _resource(resource: Resource) -> answers.Resource:
    return answers.Resource(
        attributes=_attributes(resource.attributes),
        dropped_attributes_count=resource.dropped_attributes_count,
        schema_url=resource.schema_url,
    )


def _scope(scope: Scope) -> answers.Scope:
    return answers.Scope(
        name=scope.name,
        version=scope.version,
        attributes=_attributes(scope.attributes),
        dropped_attributes_count=scope.dropped_attributes_count,
        schema_url=scope.schema_url,
    )


def _attributes(attributes: Attributes) -> list[answers.Attribute]:
    return [answers.Attribute(key=key, **_value(value)) for key, value in attributes]


def _value(value: AttributeValue) -> answers.Value:
    told: Any = value
    match value:
        case None:
            kind = "empty"
        case bool():
            kind = "bool"
        case int():
            kind = "int"
        case float():
            kind, told = "double", value if math.isfinite(value) else str(value)
        case str():
            kind = "string"
        case bytes():
            kind, told = "bytes", base64.b64encode(value).decode()
        case tuple():
            kind, told = "array", [_value(item) for item in value]
        case Attributes():
            kind, told = "kvlist", _attributes(value)
    return answers.Value(type=kind, value=told)
