"""The address of a trace, from whatever id a reader pastes."""

import re

from spanloom_model.ids import trace_id_from_hex

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?", re.IGNORECASE)
"""W3C trace context, section 3.2: version, trace, parent, flags; later versions may append more."""


def trace_address(text: str) -> str:
    """The one address of the trace with that id, or of the parent span that a `traceparent` names.

    Raises ValueError with a sentence for the reader where *text* is neither.
    """
    parent = _TRACEPARENT.fullmatch(text.strip())
    if parent is None:
        return f"/trace/{trace_id_from_hex(text).hex()}"
    return f"/trace/{trace_id_from_hex(parent[1]).hex()}?span={parent[2].lower()}"
