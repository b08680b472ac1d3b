"""What most spans do not have: events, links, a status, anything dropped."""

from opentelemetry.trace import SpanContext, Status
from opentelemetry.util.types import AnyValue, Attributes

from spanloom_instrumentation.attributes import kept
from spanloom_instrumentation.limits import AttributeLimits


class SpanEvent:
    """Something that happened at one moment; read by exporters of `opentelemetry-sdk` too."""

    __slots__ = ("attributes", "dropped_attributes", "name", "timestamp")

    def __init__(self, name: str, timestamp: int, attributes: dict[str, AnyValue], dropped: int = 0) -> None:
        self.name = name
        self.timestamp = timestamp
        self.attributes = attributes
        self.dropped_attributes = dropped


class SpanLink:
    """Another span that has to do with this one."""

    __slots__ = ("attributes", "context", "dropped_attributes")

    def __init__(self, context: SpanContext, attributes: dict[str, AnyValue], dropped: int = 0) -> None:
        self.context = context
        self.attributes = attributes
        self.dropped_attributes = dropped


class More:
    """The rest of a span: made when there is something to put into it."""

    __slots__ = ("dropped_attributes", "dropped_events", "dropped_links", "events", "links", "status")

    def __init__(self) -> None:
        self.events: list[SpanEvent] = []
        self.links: list[SpanLink] = []
        self.status: Status | None = None
        self.dropped_attributes = 0
        self.dropped_events = 0
        self.dropped_links = 0

    def forget_event(self) -> None:
        """Drop the oldest: how a span ended says more than how it began."""
        del self.events[0]
        self.dropped_events += 1

    def forget_link(self) -> None:
        """Drop the oldest."""
        del self.links[0]
        self.dropped_links += 1


def link_of(context: SpanContext | None, attributes: Attributes, limits: AttributeLimits) -> SpanLink | None:
    """A link as it is kept; None where it says nothing."""
    if context is None or not (context.is_valid or attributes or context.trace_state):
        return None
    return SpanLink(context, *kept(attributes, limits))
