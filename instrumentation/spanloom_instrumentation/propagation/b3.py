"""B3, Zipkin's headers: https://github.com/openzipkin/b3-propagation, and OpenTelemetry's rules for it.

Both classes read both spellings, the single header before the others, and write their own.
"""

import re
from abc import abstractmethod
from typing import Final

from opentelemetry.context import Context
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)

from spanloom_instrumentation.propagation.headers import headers
from spanloom_instrumentation.propagation.told import Told, hexadecimal, told_of, with_told

_SINGLE: Final = "b3"
_TRACE_ID: Final = "x-b3-traceid"
_SPAN_ID: Final = "x-b3-spanid"
_SAMPLED: Final = "x-b3-sampled"
_FLAGS: Final = "x-b3-flags"
_NAMES: Final = (_SINGLE, _TRACE_ID, _SPAN_ID, _SAMPLED, _FLAGS)

_IDS: Final = re.compile(r"([0-9a-f]{1,32})-([0-9a-f]{1,16})", re.IGNORECASE | re.ASCII)
"""Clients that write numbers leave out leading zeros."""
_WORDS: Final = {"1": True, "true": True, "0": False, "false": False}
"""Words are of clients older than the specification."""
_DEBUG: Final = "d"


class _B3(TextMapPropagator):
    """All but the spelling of what is written."""

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        """See OpenTelemetry's; what cannot be understood changes nothing."""
        found = headers(carrier, getter, _NAMES)
        if not found:
            return Context() if context is None else context
        return with_told(context, _single(found.get(_SINGLE, "")) or _several(found))

    def inject(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        """See OpenTelemetry's."""
        if told := told_of(context):
            for name, value in self.written(told).items():
                setter.set(carrier, name, value)

    @abstractmethod
    def written(self, told: Told) -> dict[str, str]:
        """The headers that tell it."""


def _single(value: str) -> Told | None:
    """`ids-state-parent`, of which the parent is not ours to use; or a state alone."""
    trace_id, _, rest = value.partition("-")
    if not rest:
        return _told("", "", trace_id)
    span_id, _, rest = rest.partition("-")
    state = rest.partition("-")[0]
    return _told(trace_id, span_id, state) if state else _told(trace_id, span_id, None)


def _several(found: dict[str, str]) -> Told:
    debug = _DEBUG if found.get(_FLAGS) == "1" else None
    state = debug or found.get(_SAMPLED)
    ids = found.get(_TRACE_ID, ""), found.get(_SPAN_ID, "")
    return _told(*ids, state) or _told("", "", state) or Told()


def _told(trace_id: str, span_id: str, state: str | None) -> Told | None:
    """None where it makes no sense: ids that are none, a state that is none without ids."""
    word = state.lower() if state else ""
    debug = word == _DEBUG
    sampled = True if debug else _WORDS.get(word)
    if not trace_id and not span_id:
        return None if sampled is None else Told(sampled=sampled, debug=debug)
    ids = _IDS.fullmatch(f"{trace_id}-{span_id}")
    if ids is None or not int(ids[1], 16) or not int(ids[2], 16):
        return None
    return Told(int(ids[1], 16), int(ids[2], 16), sampled, debug)


class B3Single(_B3):
    """Writes `b3: ids-state`."""

    def written(self, told: Told) -> dict[str, str]:
        """One header."""
        ids = [hexadecimal(told.trace_id), f"{told.span_id:016x}"] if told.trace_id else []
        state = [_DEBUG] if told.debug else [] if told.sampled is None else [f"{told.sampled:d}"]
        return {_SINGLE: "-".join(ids + state)}

    @property
    def fields(self) -> set[str]:
        """What `inject` sets."""
        return {_SINGLE}


class B3Multi(_B3):
    """Writes a header for each; the parent's id is left out, as OpenTelemetry wants it."""

    def written(self, told: Told) -> dict[str, str]:
        """As many headers as there is something to tell."""
        sent: dict[str, str] = {}
        if told.trace_id:
            sent[_TRACE_ID] = hexadecimal(told.trace_id)
            sent[_SPAN_ID] = f"{told.span_id:016x}"
        if told.debug:
            sent[_FLAGS] = "1"
        elif told.sampled is not None:
            sent[_SAMPLED] = f"{told.sampled:d}"
        return sent

    @property
    def fields(self) -> set[str]:
        """What `inject` sets."""
        return {_TRACE_ID, _SPAN_ID, _SAMPLED, _FLAGS}
