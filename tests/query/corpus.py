"""The examples of TraceQL in corpus.toml: traces, queries, and what becomes of them."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from spanloom_model.span import Attributes, Event, Link, Resource, Scope, Span, SpanKind, StatusCode
from spanloom_storage.testing.samples import NOON_NS, span, span_id, trace_id

_CORPUS: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = tomllib.loads(
    (Path(__file__).parent / "corpus.toml").read_text()
)
QUERIES: Final = _CORPUS["query"]
WRONG: Final = _CORPUS["wrong"]
LATER: Final = _CORPUS["later"]

TRACES: Final = list(dict.fromkeys(told["trace"] for told in _CORPUS["span"]))
"""Names; their numbers are their ids."""
_MS: Final = 1_000_000


def _attributes(told: Mapping[str, Any]) -> Attributes:
    return Attributes(
        tuple((key, tuple(value) if isinstance(value, list) else value) for key, value in told.items())
    )


def number_of(trace: str) -> int:
    """The id of a trace."""
    return TRACES.index(trace) + 1


def _span(told: Mapping[str, Any]) -> Span:
    number = number_of(told["trace"])
    start_ns = NOON_NS + number * 60_000 * _MS + told.get("start_ms", 0) * _MS
    resource = {"service.name": told["service"], **told.get("resource", {})}
    return span(
        number,
        told["id"],
        parent=told.get("parent"),
        service=told["service"],
        name=told["name"],
        kind=SpanKind[told["kind"].upper()],
        start_ns=start_ns,
        duration_ns=told["duration_ms"] * _MS,
        status=StatusCode[told.get("status", "unset").upper()],
        status_message=told.get("status_message", ""),
        attributes=_attributes(told.get("attributes", {})),
        resource=Resource(attributes=_attributes(resource)),
        scope=Scope(**told.get("scope", {})),
        events=tuple(_event(one, start_ns) for one in told.get("events", ())),
        links=tuple(map(_link, told.get("links", ()))),
    )


def _event(told: Mapping[str, Any], start_ns: int) -> Event:
    return Event(
        time_ns=start_ns + told["at_ms"] * _MS, name=told["name"], attributes=_attributes(told["attributes"])
    )


def _link(told: Mapping[str, Any]) -> Link:
    return Link(
        trace_id=trace_id(number_of(told["trace"])),
        span_id=span_id(told["id"]),
        attributes=_attributes(told["attributes"]),
    )


SPANS: Final = [_span(told) for told in _CORPUS["span"]]
