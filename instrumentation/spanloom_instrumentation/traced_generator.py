"""Spans of generators: each lasts from the first step to the last, and is current only within the steps."""

import functools
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeAlias

from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode, set_span_in_context

from spanloom_instrumentation.carried_context import Attached
from spanloom_instrumentation.current_context import get
from spanloom_instrumentation.span import Span

Start: TypeAlias = Callable[[tuple[Any, ...], dict[str, Any]], trace.Span]
"""Starts the span of a call with these arguments."""


class _Body(Attached):
    """The steps of a generator's body: each begins in the context that the last one ended in.

    A block of the body that `yield` leaves for a while is no business of who takes what it yields.
    """

    __slots__ = ()

    def __exit__(self, *_: object) -> None:
        self.context = get()
        super().__exit__()


@contextmanager
def _until_done(span: trace.Span) -> Iterator[_Body]:
    try:
        yield _Body(set_span_in_context(span))
    except Exception as exc:  # GeneratorExit and CancelledError are no failures
        if isinstance(span, Span):
            span.failed(exc)
        elif span.is_recording():
            span.record_exception(exc)
            span.set_status(Status(StatusCode.ERROR, f"{type(exc).__name__}: {exc}"))
        raise
    finally:
        span.end()


def _within(
    entering: Callable[..., AbstractContextManager[_Body]], function: Callable[..., Generator[Any, Any, Any]]
) -> Callable[..., Generator[Any, Any, Any]]:
    """The same function, whose generators take every step within the body that is entered for each.

    Not by `yield from`, which closes a generator that is told to end instead of telling it.
    """

    def called(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with entering(*args, **kwargs) as body:
            generator = function(*args, **kwargs)
            step: Callable[[Any], Any] = generator.send
            given: Any = None
            while True:
                try:
                    with body:
                        made = step(given)
                except StopIteration as done:
                    return done.value
                finally:
                    given = None  # an exception keeps this frame, which must not keep it
                try:
                    given = yield made
                    step = generator.send
                except BaseException as exc:  # noqa: BLE001  # GeneratorExit too is the body's to hear of
                    step, given = generator.throw, exc

    return called


def around_generator(
    function: Callable[..., Generator[Any, Any, Any]], start: Start
) -> Callable[..., Generator[Any, Any, Any]]:
    """The same function of generators, with a span for each one that is begun."""

    def entering(*args: Any, **kwargs: Any) -> AbstractContextManager[_Body]:
        return _until_done(start(args, kwargs))

    return functools.wraps(function)(_within(entering, function))


class _Awaited:
    """A step of an asynchronous body, which takes several of the event loop.

    Between these the span is not current: a generator that is thrown away while it waits never goes on.
    """

    def __init__(self, step: Awaitable[Any], body: _Body) -> None:
        self._step = step
        self._body = body

    def __await__(self) -> Generator[Any, Any, Any]:
        return _within(lambda: nullcontext(self._body), self._step.__await__)()


def around_async_generator(
    function: Callable[..., AsyncGenerator[Any, Any]], start: Start
) -> Callable[..., AsyncGenerator[Any, Any]]:
    """The same function of asynchronous generators, with a span for each one that is begun."""

    @functools.wraps(function)
    async def called(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        with _until_done(start(args, kwargs)) as body:
            generator = function(*args, **kwargs)
            step: Awaitable[Any] | None = _first_step(generator)
            while step:
                try:
                    made = await _Awaited(step, body)
                except StopAsyncIteration:
                    return
                finally:
                    step = None
                try:
                    step = generator.asend((yield made))
                except BaseException as exc:  # noqa: BLE001  # as above
                    step = generator.athrow(exc)

    return called


def _first_step(generator: AsyncGenerator[Any, Any]) -> Awaitable[Any]:
    """Begin one that only ours closes: the event loop, at its end, would close both at the same time."""
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return generator.asend(None)  # which is when a generator asks for the hooks
    finally:
        sys.set_asyncgen_hooks(*hooks)
