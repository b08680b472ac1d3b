"""Our spans as `opentelemetry-sdk` knows them."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk import resources
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util import BoundedList
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link
from opentelemetry.util.types import AnyValue

from spanloom_instrumentation.resource import Resource
from spanloom_instrumentation.scope import Scope
from spanloom_instrumentation.span import Span


def readable(span: Span) -> ReadableSpan:
    """The span as the SDK's own class, with all that its exporters look at."""
    events = (
        Event(event.name, _bounded(event.attributes, event.dropped_attributes), event.timestamp)
        for event in span.events
    )
    links = (Link(link.context, _bounded(link.attributes, link.dropped_attributes)) for link in span.links)
    return ReadableSpan(
        name=span.name,
        context=span.get_span_context(),
        parent=span.parent,
        resource=_resource(span.of.resource),
        attributes=_bounded(span.told, span.dropped_attributes),
        events=_list(events, span.dropped_events),
        links=_list(links, span.dropped_links),
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=_scope(span.of.scope),
    )


def _bounded(attributes: Mapping[str, AnyValue], dropped: int) -> BoundedAttributes:
    found = BoundedAttributes(attributes=attributes)
    found.dropped = dropped
    return found


def _list(items: Iterable[Any], dropped: int) -> Any:
    found = BoundedList.from_seq(None, items)
    found.dropped = dropped
    return found


@lru_cache(maxsize=16)
def _resource(resource: Resource) -> resources.Resource:
    return resources.Resource(resource.attributes, resource.schema_url)


@lru_cache(maxsize=512)
def _scope(scope: Scope) -> InstrumentationScope:
    return InstrumentationScope(scope.name, scope.version, scope.schema_url, scope.attributes)
