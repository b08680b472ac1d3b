"""A span that is recorded."""

import traceback
from collections.abc import Mapping, Sequence
from time import time_ns
from types import MappingProxyType, TracebackType
from typing import Final

from opentelemetry import trace
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.util.types import AnyValue, Attributes

from spanloom_instrumentation.attributes import PLAIN, add, kept, plain
from spanloom_instrumentation.heritage import Heritage
from spanloom_instrumentation.limits import UNLIMITED, AttributeLimits
from spanloom_instrumentation.more import EXCEPTION, More, SpanEvent, SpanLink, link_of
from spanloom_instrumentation.notices import warn_once
from spanloom_instrumentation.one_at_a_time import one_at_a_time
from spanloom_instrumentation.origin import Origin
from spanloom_instrumentation.resource import Resource
from spanloom_instrumentation.scope import Scope

_UNSET: Final = Status()


class Span(trace.Span):
    """What an application says of one operation, until it ends; then it is never changed again.

    Threads and signal handlers may use it at the same time. It has no lock, which every use of it
    would pay for: between a look at `end_time` or `more` and the change that depends on it there is
    no call, and only within calls does CPython let others run. A CPython without the GIL is made to
    behave so (`one_at_a_time`).

    Besides OpenTelemetry's API it has the reading properties that processors written for
    `opentelemetry-sdk` look at.
    """

    __slots__ = (
        "_context",
        "end_time",
        "heritage",
        "kind",
        "more",
        "name",
        "of",
        "parent_is",
        "records_exceptions",
        "sets_status",
        "span_id",
        "start_time",
        "told",
    )

    def __init__(  # noqa: PLR0913, PLR0917  # made in one place; keywords would cost it a tenth of its time
        self,
        of: Origin,
        heritage: Heritage,
        span_id: int,
        parent_is: "int | SpanContext | None",
        name: str,
        kind: SpanKind,
        start_time: int,
        attributes: Attributes,
        records_exceptions: bool,  # noqa: FBT001  # as above
        sets_status: bool,  # noqa: FBT001  # as above
    ) -> None:
        self.of = of
        self.heritage = heritage
        self.span_id = span_id
        self.parent_is = parent_is
        """A parent with the same heritage by its id alone: the parent itself would keep its own alive, …"""
        self.name = name
        self.kind = kind
        self.start_time = start_time
        self.end_time: int | None = None
        self.records_exceptions = records_exceptions
        self.sets_status = sets_status
        self.more: More | None = None
        self.told: dict[str, AnyValue]
        if not attributes:
            self.told = {}
        else:
            self.told, dropped = kept(attributes, of.limits.span)
            if dropped:
                self._rest().dropped_attributes = dropped

    def _rest(self) -> More:
        made = More()
        if self.more is None:
            self.more = made
        return self.more

    # OpenTelemetry's API

    @one_at_a_time
    def end(self, end_time: int | None = None) -> None:
        """End it, now or then, and hand it to the processors; a second end changes nothing."""
        now = time_ns() if end_time is None else end_time
        if self.end_time is not None:
            warn_once("A span was ended that had ended before: %s", self.name)
            return
        self.end_time = now
        self.of.pipeline.ended(self)

    def get_span_context(self) -> SpanContext:
        """Its ids and what is handed on."""
        try:
            return self._context
        except AttributeError:
            self._context: SpanContext = self.heritage.context(self.span_id)
            return self._context

    def is_recording(self) -> bool:
        """Whether what is said of it is kept: until it ends."""
        return self.end_time is None

    @one_at_a_time
    def set_attribute(self, key: str, value: AnyValue) -> None:
        """Say one thing; what was said under this key before is forgotten."""
        limits = self.of.limits.span
        if type(value) not in PLAIN or limits.longest is not UNLIMITED or type(key) is not str or not key:
            self.set_attributes({key: value})
            return
        room = len(self.told) < limits.most or key in self.told
        if self.end_time is not None:
            warn_once("An attribute was set on a span that had ended: %s", key)
        elif room:
            self.told[key] = value
        else:
            self._rest().dropped_attributes += 1

    @one_at_a_time
    def set_attributes(self, attributes: Mapping[str, AnyValue]) -> None:
        """Say several things."""
        limits = self.of.limits.span
        dropped = 0
        if not plain(attributes, limits):
            checked: dict[str, AnyValue] = {}
            dropped = add(checked, attributes, AttributeLimits(most=UNLIMITED, longest=limits.longest))
            attributes = checked
        easy = len(attributes) + len(self.told) <= limits.most
        if self.end_time is not None:
            warn_once("Attributes were set on a span that had ended: %s", self.name)
            return
        if easy:
            self.told.update(attributes)
        else:
            dropped += sum(not self._told_within(limits.most, *pair) for pair in attributes.items())
        if dropped:
            self._rest().dropped_attributes += dropped

    def _told_within(self, most: int, key: str, value: AnyValue) -> bool:
        room = len(self.told) < most or key in self.told
        if room and self.end_time is None:
            self.told[key] = value
        return room

    @one_at_a_time
    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        """Say that something happened, now or then."""
        limits = self.of.limits
        at = time_ns() if timestamp is None else timestamp
        if type(name) is not str:
            name = _text(name)
        event = SpanEvent(name, at, *kept(attributes, limits.event))
        event.measure()
        more = self._rest()
        if self.end_time is not None:
            warn_once("An event was added to a span that had ended: %s", name)
            return
        more.events.append(event)
        more.event_bytes += event.volume
        if len(more.events) > limits.events or more.event_bytes > limits.annotation_bytes // 2:
            more.bound_events(event, limits)

    def add_links(self, links: Sequence[Link]) -> None:
        """Say so of several."""
        for link in links:
            if isinstance(link, Link):
                self.add_link(link.context, link.attributes)

    @one_at_a_time
    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """Say that it has to do with another span."""
        if link := link_of(context, attributes, self.of.limits.link):
            more = self._rest()
            if self.end_time is not None:
                warn_once("A link was added to a span that had ended: %s", self.name)
                return
            more.links.append(link)
            if len(more.links) > self.of.limits.links:
                more.forget_link()

    @one_at_a_time
    def update_name(self, name: str) -> None:
        """Call it something else."""
        if self.end_time is not None:
            warn_once("A span was renamed that had ended: %s", self.name)
            return
        self.name = name

    @one_at_a_time
    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Say how it went: OK is the last word, an error may be corrected, unset is no word."""
        found = Status(status, description) if isinstance(status, StatusCode) else status
        if not isinstance(found, Status):
            return
        more = self._rest()
        if self.end_time is not None:
            warn_once("A status was set on a span that had ended: %s", self.name)
        elif not found.is_unset and (more.status is None or more.status.status_code is not StatusCode.OK):
            more.status = found

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: FBT001, FBT002  # the interface's signature
    ) -> None:
        """Add an event that says what was raised, and where."""
        cls = type(exception)
        module = cls.__module__
        told: dict[str, AnyValue] = {
            "exception.type": cls.__qualname__ if module == "builtins" else f"{module}.{cls.__qualname__}",
            "exception.message": _text(exception),
            "exception.stacktrace": _stack(exception),
            "exception.escaped": str(escaped),
        }
        self.add_event(
            EXCEPTION, {**told, **attributes} if isinstance(attributes, Mapping) else told, timestamp
        )

    def failed(self, exception: BaseException, *, escaped: bool = False) -> None:
        """Say that it ended by an exception, as far as that is wanted."""
        try:
            if self.end_time is None and self.records_exceptions:
                self.record_exception(exception, escaped=escaped)
            if self.end_time is None and self.sets_status:
                self.set_status(Status(StatusCode.ERROR, f"{type(exception).__name__}: {_text(exception)}"))
        except Exception:  # noqa: BLE001, S110  # no stack is left, even to say so; what was raised goes on
            pass

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        if exc_val is not None:
            self.failed(exc_val, escaped=True)
        self.end()

    # What processors of opentelemetry-sdk read

    @property
    def context(self) -> SpanContext:
        """As `get_span_context`."""
        return self.get_span_context()

    @property
    def parent(self) -> SpanContext | None:
        """The parent's context; None of a root."""
        if isinstance(self.parent_is, int):
            return self.heritage.context(self.parent_is)
        return self.parent_is

    @property
    def resource(self) -> Resource:
        """The process that makes it."""
        return self.of.resource

    @property
    def instrumentation_scope(self) -> Scope:
        """The library that makes it."""
        return self.of.scope

    @property
    def attributes(self) -> Mapping[str, AnyValue]:
        """What was said of it so far."""
        return MappingProxyType(self.told)

    @property
    def events(self) -> Sequence[SpanEvent]:
        """What has happened so far."""
        return tuple(self.more.events) if self.more else ()

    @property
    def links(self) -> Sequence[SpanLink]:
        """The spans that it has to do with."""
        return tuple(self.more.links) if self.more else ()

    @property
    def status(self) -> Status:
        """How it went, as far as that was said."""
        return self.more.status if self.more and self.more.status else _UNSET

    @property
    def dropped_attributes(self) -> int:
        """How many attributes there was no room for."""
        return self.more.dropped_attributes if self.more else 0

    @property
    def dropped_events(self) -> int:
        """How many events there was no room for."""
        return self.more.dropped_events if self.more else 0

    @property
    def dropped_links(self) -> int:
        """How many links there was no room for."""
        return self.more.dropped_links if self.more else 0

    def __repr__(self) -> str:
        return f"Span(name={self.name!r}, context={self.get_span_context()!r})"


def _stack(exception: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(exception))
    except TypeError:  # it is no exception, whatever the types say
        return ""


def _text(said: object) -> str:
    try:
        return str(said)
    except Exception:  # noqa: BLE001  # an exception that cannot be said must not become another
        return "(its __str__ raises)"
