"""`start_as_current_span`: a span as long as a block of code, or a function."""

import functools
import inspect
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Token
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar

from opentelemetry.context.context import Context
from opentelemetry.trace import Link, SpanKind
from opentelemetry.trace import Span as AnySpan
from opentelemetry.util.types import Attributes

from spanloom_instrumentation.current_context import SPAN_KEY, attach, detach, get
from spanloom_instrumentation.span import Span
from spanloom_instrumentation.unsampled_span import UnsampledSpan

if TYPE_CHECKING:
    from spanloom_instrumentation.tracer import Tracer

Arguments: TypeAlias = tuple[
    str, Context | None, SpanKind, Attributes, Sequence[Link] | None, int | None, bool, bool
]
"""Of `start_span`, in its order."""

P = ParamSpec("P")
R = TypeVar("R")


class CurrentSpan:
    """Starts a span and makes it the current one; ends it and makes what was before it current again.

    Not a generator with a decorator, as in OpenTelemetry's own: that alone takes two microseconds.
    """

    __slots__ = ("arguments", "ends", "span", "token", "tracer")

    tracer: "Tracer"
    arguments: "Arguments"
    ends: bool
    span: AnySpan
    token: Token[Context]

    @classmethod
    def of(cls, tracer: "Tracer", arguments: "Arguments", *, ends: bool) -> "CurrentSpan":
        """Make one; the tracer itself does the same without the call."""
        made = cls()
        made.tracer = tracer
        made.arguments = arguments
        made.ends = ends
        return made

    def __enter__(self) -> AnySpan:
        before = get()
        parent = before.get(SPAN_KEY)
        arguments = self.arguments
        if type(parent) is UnsampledSpan and self.tracer.follows_parent and arguments[1] is None:
            # As start_span would, without its call: this is what a service does nearly all the time
            # that samples one request in a thousand.
            self.span = UnsampledSpan(parent.heritage, self.tracer.new_span_id() or 1)
        else:
            self.span = self.tracer.start_span(*arguments)
        self.token = attach(Context({**before, SPAN_KEY: self.span}))
        return self.span

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        try:  # noqa: SIM105  # contextlib.suppress takes half a microsecond
            detach(self.token)
        except ValueError:
            # Begun in another context, as generators are that asyncio closes: nothing to go back to.
            pass
        span = self.span
        if type(span) is UnsampledSpan:
            return
        # KeyboardInterrupt, CancelledError, GeneratorExit are no failures of the operation.
        if isinstance(exc_val, Exception) and isinstance(span, Span):
            span.failed(exc_val)
        if self.ends:
            span.end()

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """As a decorator: a span for each call, of a coroutine until it is done."""
        if inspect.iscoroutinefunction(function):
            return self._around_coroutine(function)  # type: ignore[return-value]  # R is the coroutine

        @functools.wraps(function)
        def traced(*args: P.args, **kwargs: P.kwargs) -> R:
            with CurrentSpan.of(self.tracer, self.arguments, ends=self.ends):
                return function(*args, **kwargs)

        return traced

    def _around_coroutine(
        self, function: Callable[P, Coroutine[Any, Any, R]]
    ) -> Callable[P, Coroutine[Any, Any, R]]:
        @functools.wraps(function)
        async def traced(*args: P.args, **kwargs: P.kwargs) -> R:
            with CurrentSpan.of(self.tracer, self.arguments, ends=self.ends):
                return await function(*args, **kwargs)

        return traced
