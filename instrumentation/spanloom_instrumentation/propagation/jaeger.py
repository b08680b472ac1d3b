"""Jaeger's headers: `uber-trace-id`, `uberctx-…`, and what people write by hand to debug a request.

https://www.jaegertracing.io/docs/1.76/client-libraries/#propagation-format
"""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, unquote

from opentelemetry import baggage
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)

from spanloom_instrumentation.propagation.headers import headers, prefixed
from spanloom_instrumentation.propagation.told import Told, hexadecimal, parent_id, told_of, with_told
from spanloom_instrumentation.sampling.forced import force

_TRACE_ID: Final = "uber-trace-id"
_BAGGAGE: Final = "uberctx-"
_BAGGAGE_BY_HAND: Final = "jaeger-baggage"
_DEBUG_ID: Final = "jaeger-debug-id"

_IDENTITY: Final = re.compile(
    r"([0-9a-f]{1,32}):([0-9a-f]{1,16}):[0-9a-f]{0,16}:([0-9a-f]{1,2})", re.IGNORECASE | re.ASCII
)
"""Numbers without leading zeros; the parent is not ours to use."""
MOST_ITEMS: Final = 180
MOST_CHARACTERS: Final = 8192
"""Of all baggage, as headers have it: the limits of W3C's, for Jaeger names none."""

_KEY: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
"""What may be part of a header's name."""


class Jaeger(TextMapPropagator):
    """Reads and writes all of Jaeger's headers."""

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        """See OpenTelemetry's; what cannot be understood changes nothing."""
        found = headers(carrier, getter, (_TRACE_ID, _DEBUG_ID, _BAGGAGE_BY_HAND))
        into = with_told(context, _identity(found.get(_TRACE_ID, "")))
        for key, value in _bounded(_by_hand(found.get(_BAGGAGE_BY_HAND, ""))):
            into = baggage.set_baggage(key, value, into)
        for key, value in _bounded(prefixed(carrier, getter, _BAGGAGE, most=MOST_ITEMS)):
            into = baggage.set_baggage(key, unquote(value), into)
        if debug_id := found.get(_DEBUG_ID):
            into = force(into, unquote(debug_id))
        return into

    def inject(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        """See OpenTelemetry's; baggage that cannot be a header, or has no room, is left out."""
        told = told_of(context)
        if told and told.trace_id:
            ids = f"{hexadecimal(told.trace_id)}:{told.span_id:016x}:{parent_id(context):x}"
            setter.set(carrier, _TRACE_ID, f"{ids}:{told.flags:x}")
        items = (
            (key, quote(str(value), errors="replace")) for key, value in baggage.get_all(context).items()
        )
        for key, value in _bounded(items):
            setter.set(carrier, _BAGGAGE + key, value)

    @property
    def fields(self) -> set[str]:
        """What `inject` sets, as far as it is known before."""
        return {_TRACE_ID}


def _identity(value: str) -> Told:
    parts = _IDENTITY.fullmatch(unquote(value))
    if parts is None:
        return Told()
    trace_id, span_id, flags = (int(part, 16) for part in parts.groups())
    return Told.by_flags(trace_id, span_id, flags)


def _by_hand(value: str) -> Iterator[tuple[str, str]]:
    """`key=value, key=value`."""
    for pair in unquote(value).split(",", MOST_ITEMS)[:MOST_ITEMS]:
        key, equals, item = pair.partition("=")
        if equals:
            yield key.strip(), item.strip()


def _bounded(items: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """As many as may be."""
    count = room = 0
    for key, value in items:
        size = len(key) + len(value)
        if _KEY.fullmatch(key) and room + size <= MOST_CHARACTERS and count < MOST_ITEMS:
            count, room = count + 1, room + size
            yield key, value
