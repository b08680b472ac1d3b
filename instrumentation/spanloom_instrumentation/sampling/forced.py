"""A mark in a context: what starts in it is kept, whatever the sampler says.

Propagators set it where a request asks to be debugged (`X-B3-Flags: 1`, Jaeger's debug flag, a
`jaeger-debug-id`). It reaches the first span of a process, and others through their parents.
"""

from typing import Final

from opentelemetry.context import Context, create_key, get_value, set_value
from opentelemetry.trace import NonRecordingSpan

from spanloom_instrumentation.current_context import SPAN_KEY
from spanloom_instrumentation.unsampled_span import UnsampledSpan

FORCED: Final = create_key("spanloom-forced")
"""Under which a context has the debug id, or an empty string."""
_LONGEST: Final = 256
"""Characters of a debug id, which a stranger may have sent."""


def force(context: Context, debug_id: str | None = None) -> Context:
    """The same context with the mark, and with what its sender wants to find the trace by."""
    parent = context.get(SPAN_KEY)
    if type(parent) is UnsampledSpan:
        # Children of such a span are unsampled before anybody looks for the mark: they need that speed.
        context = set_value(SPAN_KEY, NonRecordingSpan(parent.get_span_context()), context)
    return set_value(FORCED, (debug_id or "")[:_LONGEST], context)


def is_forced(context: Context | None = None) -> bool:
    """Whether this context, or the current one, has the mark."""
    return get_value(FORCED, context) is not None


def debug_id(context: Context | None = None) -> str | None:
    """What the trace is to be found by; None where nothing was said."""
    found = get_value(FORCED, context)
    return found if isinstance(found, str) and found else None
