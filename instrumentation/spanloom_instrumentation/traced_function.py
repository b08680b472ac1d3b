"""`traced`: a span for each call of a function, of whatever kind."""

import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final, TypeVar, overload

from opentelemetry import trace
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AnyValue, Attributes

from spanloom_instrumentation.traced_generator import around_async_generator, around_generator

F = TypeVar("F", bound=Callable[..., Any])

_NAMED: Final = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
_BY_KEYWORD: Final = sys.maxsize
"""Where arguments stand that have no place."""


@overload
def traced(function: F, /) -> F: ...
@overload
def traced(
    *,
    name: str | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes = None,
    arguments: Iterable[str] | Mapping[str, str] = (),
) -> Callable[[F], F]: ...
def traced(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes = None,
    arguments: Iterable[str] | Mapping[str, str] = (),
) -> Any:
    """Make each call of a function a span, the current one while the function runs.

    A coroutine's lasts until it is done, a generator's from its first step to its last; a generator's
    is current only while its body runs, never in the code that takes what it yields. Spans are
    called like the function, and belong to its module. *arguments* become attributes: names of
    parameters, or for each the attribute's key. What raises is recorded as by
    `start_as_current_span`.

    Works with any tracer provider, also one that is set after the function was decorated. Raises
    TypeError for a class, and for an argument that the function does not have.
    """

    def decorate(function: Any) -> Any:
        if isinstance(function, classmethod | staticmethod):
            return type(function)(decorate(function.__func__))
        if isinstance(function, type) or not callable(function) or not hasattr(function, "__qualname__"):
            raise TypeError(f"only functions are traced, each by itself, not {function!r}")
        return _decorated(function, Calls(function, name, kind, attributes, arguments))

    return decorate if function is None else decorate(function)


class Calls:
    """What the spans of one function's calls start with."""

    def __init__(
        self,
        function: Callable[..., Any],
        name: str | None,
        kind: SpanKind,
        attributes: Attributes,
        arguments: Iterable[str] | Mapping[str, str],
    ) -> None:
        self._name = name or function.__qualname__
        self._kind = kind
        self._attributes = dict(attributes or {})
        self._parameters = list(_parameters(function, arguments))
        self._module = function.__module__
        self._provider: trace.TracerProvider | None = None
        self._found: trace.Tracer

    def _tracer(self) -> trace.Tracer:
        provider = trace.get_tracer_provider()
        if provider is not self._provider:  # at the first call, and when one has been set since
            self._found = provider.get_tracer(self._module)
            self._provider = provider  # after the tracer: another thread may look in between
        return self._found

    def _said(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, AnyValue]:
        said = self._attributes.copy()
        for key, name, place, default in self._parameters:
            value = args[place] if place < len(args) else kwargs.get(name, default)
            if value is not None:
                said[key] = value
        return said

    def current(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> AbstractContextManager[trace.Span]:
        """The span of a call, as the current one of a block."""
        said = self._said(args, kwargs) if self._parameters else self._attributes
        return self._tracer().start_as_current_span(self._name, None, self._kind, said)

    def start(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> trace.Span:
        """The span of a call, for who makes it current by himself."""
        return self._tracer().start_span(self._name, None, self._kind, self._said(args, kwargs))


def _parameters(
    function: Callable[..., Any], arguments: Iterable[str] | Mapping[str, str]
) -> Iterator[tuple[str, str, int, Any]]:
    """Key of the attribute, name, place and default of each argument; None says nothing."""
    keys = dict(arguments) if isinstance(arguments, Mapping) else {name: name for name in arguments}
    if not keys:
        return
    for place, parameter in enumerate(inspect.signature(function).parameters.values()):
        if key := keys.pop(parameter.name, None):
            default = None if parameter.default is parameter.empty else parameter.default
            yield key, parameter.name, place if parameter.kind in _NAMED else _BY_KEYWORD, default
    if keys:
        raise TypeError(f"{function.__qualname__} has no arguments {', '.join(keys)}")


def _decorated(function: Callable[..., Any], calls: Calls) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(function):
        return _around_coroutine(function, calls)
    if inspect.isgeneratorfunction(function):
        return around_generator(function, calls.start)
    if inspect.isasyncgenfunction(function):
        return around_async_generator(function, calls.start)
    current = calls.current

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        with current(args, kwargs):
            return function(*args, **kwargs)

    return called


def _around_coroutine(function: Callable[..., Any], calls: Calls) -> Callable[..., Any]:
    current = calls.current

    @functools.wraps(function)
    async def called(*args: Any, **kwargs: Any) -> Any:
        with current(args, kwargs):
            return await function(*args, **kwargs)

    return called
