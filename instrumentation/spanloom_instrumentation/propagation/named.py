"""Propagators by their names, as OTEL_PROPAGATORS and `configure` have them."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Final

from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from spanloom_instrumentation import environment
from spanloom_instrumentation.notices import warn_once
from spanloom_instrumentation.propagation.b3 import B3Multi, B3Single
from spanloom_instrumentation.propagation.jaeger import Jaeger

_BY_NAME: Final[Mapping[str, Callable[[], TextMapPropagator]]] = {
    "tracecontext": TraceContextTextMapPropagator,
    "baggage": W3CBaggagePropagator,
    "b3": B3Single,
    "b3multi": B3Multi,
    "jaeger": Jaeger,
}
_DEFAULT: Final = ("tracecontext", "baggage")


def install(propagators: str | Iterable[str | TextMapPropagator]) -> None:
    """Make these the ones that the whole process reads and writes headers with.

    Left to itself the API takes whichever package's propagator of a name it finds first.
    """
    _api().set_global_textmap(composed(propagators))


def composed(propagators: str | Iterable[str | TextMapPropagator]) -> CompositePropagator:
    """All of them in this order, each once; `none`, or nothing, is none at all.

    What there is not is warned of and left out; if that leaves nothing, the default is left.
    """
    given = propagators.split(",") if isinstance(propagators, str) else propagators
    stripped = (one.strip() if isinstance(one, str) else one for one in given)
    wanted = list(dict.fromkeys(one for one in stripped if one != ""))
    if not wanted or "none" in map(_lower, wanted):
        return CompositePropagator([])
    return CompositePropagator(list(_found(wanted)) or list(_found(_DEFAULT)))


def _found(wanted: Iterable[str | TextMapPropagator]) -> Iterator[TextMapPropagator]:
    for one in wanted:
        made = _named(one) if isinstance(one, str) else one
        if isinstance(made, TextMapPropagator):
            yield made
        elif made is not None:
            warn_once("No propagator: %r", made)


def _named(name: str) -> object:
    make = _BY_NAME.get(name.lower())
    return make() if make else environment.propagator(name)


def _lower(one: object) -> object:
    return one.lower() if isinstance(one, str) else one


def _api() -> ModuleType:
    """OpenTelemetry's `propagate`, whose import raises where the variable has a name it does not find."""
    hidden = os.environ.pop("OTEL_PROPAGATORS", None)
    try:
        from opentelemetry import propagate  # noqa: PLC0415  # the import reads the variable
    finally:
        if hidden is not None:
            os.environ["OTEL_PROPAGATORS"] = hidden
    return propagate
