"""Contexts where they do not go by themselves: into threads, pools, processes, callbacks and messages."""

import functools
import inspect
from collections.abc import Callable, Iterable
from contextvars import Token
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from opentelemetry.context.context import Context
from opentelemetry.trace import Link, get_current_span

from spanloom_instrumentation.current_context import attach, detach, get

if TYPE_CHECKING:
    from concurrent.futures import Executor

P = ParamSpec("P")
R = TypeVar("R")
E = TypeVar("E", bound="Executor")


class Attached:
    """Makes a context the current one of a block, and then what was before it."""

    __slots__ = ("_token", "context")

    def __init__(self, context: Context) -> None:
        self.context = context
        self._token: Token[Context]

    def __enter__(self) -> Context:
        self._token = attach(self.context)
        return self.context

    def __exit__(self, *_: object) -> None:
        try:  # noqa: SIM105  # contextlib.suppress takes half a microsecond
            detach(self._token)
        except ValueError:
            # Begun in another context, as generators are that asyncio closes: nothing to go back to.
            pass


def attached(context: Context) -> Attached:
    """Let a block run in a context from elsewhere: its span is the parent there, its baggage is there.

    with attached(extract(request.headers)), tracer.start_as_current_span("GET /"): ...
    """
    return Attached(context)


class Carried:
    """A function that takes its context along; to another process too, as headers would."""

    def __init__(self, function: Callable[..., Any], context: Context) -> None:
        self._function = function
        self._context = context
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it there."""
        # Not contextvars.Context.run: several threads may be in this function at the same time.
        with Attached(self._context):
            return self._function(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        from opentelemetry.propagate import inject  # noqa: PLC0415  # reads entry points of all that is installed

        headers: dict[str, str] = {}
        inject(headers, self._context)
        return _arrived, (self._function, headers)


def _arrived(function: Callable[..., Any], headers: dict[str, str]) -> Carried:
    from opentelemetry.propagate import extract  # noqa: PLC0415  # as `inject` above

    return Carried(function, extract(headers, Context()))


def carrying(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function run in the present context, wherever and however often it is called.

    For what is called later by somebody else: targets of threads and timers, tasks of executors,
    callbacks, jobs in queues. It can be pickled if the function can; in another process its spans
    continue the trace.
    """
    context = get()
    if not inspect.iscoroutinefunction(function):
        return Carried(function, context)

    @functools.wraps(function)
    async def carried(*args: P.args, **kwargs: P.kwargs) -> Any:
        with Attached(context):
            return await function(*args, **kwargs)

    return carried  # type: ignore[return-value]  # R is the coroutine


def carrying_executor(executor: E) -> E:
    """Let all that is submitted to this executor run in the context of who submits it; returns it.

    Its own `submit` is replaced: it stays the pool that asyncio or others want it to be.
    """
    submit = executor.submit

    def submit_carrying(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return submit(carrying(function), *args, **kwargs)

    executor.submit = submit_carrying  # type: ignore[method-assign]  # on purpose: see above
    return executor


def links_to(contexts: Iterable[Context]) -> list[Link]:
    """A link to the span of each context, for one span that has many causes."""
    causes = (get_current_span(context).get_span_context() for context in contexts)
    return [Link(cause) for cause in {cause.span_id: cause for cause in causes if cause.is_valid}.values()]
