"""What most spans do not have: events, links, a status, anything dropped."""

from typing import Final

from opentelemetry.trace import SpanContext, Status
from opentelemetry.util.types import AnyValue, Attributes

from spanloom_instrumentation.attributes import kept
from spanloom_instrumentation.limits import AttributeLimits, SpanLimits

EXCEPTION: Final = "exception"
"""The name of events that say what was raised."""
_LARGE: Final = frozenset({bytes, tuple, dict})


class SpanEvent:
    """Something that happened at one moment; read by exporters of `opentelemetry-sdk` too."""

    __slots__ = ("attributes", "dropped_attributes", "name", "timestamp", "volume")

    def __init__(self, name: str, timestamp: int, attributes: dict[str, AnyValue], dropped: int = 0) -> None:
        self.name = name
        self.timestamp = timestamp
        self.attributes = attributes
        self.dropped_attributes = dropped
        self.volume = 0

    def measure(self) -> None:
        """Find out about how many bytes it says."""
        size = len(self.name)
        for key, value in self.attributes.items():
            size += len(key)
            if type(value) is str:  # what nearly all are
                size += len(value)
            elif type(value) in _LARGE:
                size += _size(value)
        self.volume = size

    def cut(self, most_bytes: int) -> None:
        """Let no part of it take more than its share of so many."""
        share = most_bytes // (len(self.attributes) + 1)
        self.name = self.name[:share]
        for key, value in tuple(self.attributes.items()):
            if len(key) + _size(value) > share:
                self.dropped_attributes += 1
                if isinstance(value, str | bytes) and len(key) <= share:
                    self.attributes[key] = value[: share - len(key)]
                else:
                    del self.attributes[key]


class SpanLink:
    """Another span that has to do with this one."""

    __slots__ = ("attributes", "context", "dropped_attributes")

    def __init__(self, context: SpanContext, attributes: dict[str, AnyValue], dropped: int = 0) -> None:
        self.context = context
        self.attributes = attributes
        self.dropped_attributes = dropped


class More:
    """The rest of a span: made when there is something to put into it."""

    __slots__ = (
        "dropped_attributes",
        "dropped_events",
        "dropped_links",
        "event_bytes",
        "events",
        "links",
        "status",
    )

    def __init__(self) -> None:
        self.events: list[SpanEvent] = []
        self.event_bytes = 0
        self.links: list[SpanLink] = []
        self.status: Status | None = None
        self.dropped_attributes = 0
        self.dropped_events = 0
        self.dropped_links = 0

    def bound_events(self, newest: SpanEvent, limits: SpanLimits) -> None:
        """Forget as many events as there are too many, or too large ones."""
        if newest.volume > limits.annotation_bytes // 2:  # must not drive out all that was said before
            self.event_bytes -= newest.volume
            newest.cut(limits.annotation_bytes // 2)
            newest.measure()
            self.event_bytes += newest.volume
        while len(self.events) > limits.events or (
            self.event_bytes > limits.annotation_bytes and len(self.events) > 2
        ):
            self.forget_event()

    def forget_event(self) -> None:
        """Drop the oldest that is neither the first nor the last nor an exception, while there is one."""
        events, place = self.events, 1 if len(self.events) > 2 else 0
        try:
            if events[place].name == EXCEPTION:
                ordinary = (at for at in range(1, len(events) - 1) if events[at].name != EXCEPTION)
                place = next(ordinary, place)
            self.event_bytes -= events.pop(place).volume
            self.dropped_events += 1
        except IndexError:  # another thread has forgotten them meanwhile
            pass

    def forget_link(self) -> None:
        """Drop the oldest."""
        del self.links[0]
        self.dropped_links += 1


def _size(value: AnyValue) -> int:
    """Characters stand for bytes: this is about memory; what is sent is measured once more."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, dict):
        return sum(map(len, value)) + sum(map(_size, value.values()))
    if isinstance(value, tuple):
        return 8 + sum(map(_size, value))
    return 8


def link_of(context: SpanContext | None, attributes: Attributes, limits: AttributeLimits) -> SpanLink | None:
    """A link as it is kept; None where it says nothing."""
    if context is None or not (context.is_valid or attributes or context.trace_state):
        return None
    return SpanLink(context, *kept(attributes, limits))
