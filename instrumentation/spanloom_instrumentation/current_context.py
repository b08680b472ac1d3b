"""The current context, as directly as it can be had: every span looks at it, and most change it."""

from collections.abc import Callable
from contextvars import Token
from typing import Any, Final

from opentelemetry import context as api
from opentelemetry.context.context import Context
from opentelemetry.context.contextvars_context import ContextVarsRuntimeContext
from opentelemetry.trace.propagation import _SPAN_KEY

SPAN_KEY: Final = _SPAN_KEY
"""Under which a context has its span. `set_value(SPAN_KEY, …)` would copy a context's values twice."""

_runtime: Final = api._RUNTIME_CONTEXT  # noqa: SLF001  # OTEL_PYTHON_CONTEXT may have put another there
_variable: Final[Any] = (
    _runtime._current_context  # noqa: SLF001  # saves a call of Python on each of three uses a span
    if type(_runtime) is ContextVarsRuntimeContext
    else None
)

get: Final[Callable[[], Context]] = _runtime.get_current if _variable is None else _variable.get
attach: Final[Callable[[Context], Token[Context]]] = _runtime.attach if _variable is None else _variable.set
detach: Final[Callable[[Token[Context]], None]] = _runtime.detach if _variable is None else _variable.reset
