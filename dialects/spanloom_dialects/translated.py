"""What came of a foreign body: one OTLP request, and the spans that are not in it."""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from spanloom_model.wire import TooManySpansError, field

_RESOURCE_SPANS: Final = 1
_SCOPE_SPANS: Final = 2
_MOST_REASONS: Final = 5
"""An answer is for a person to read."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A span that can never be stored."""

    reason: str
    """One of few, to count by."""

    says: str = ""
    """The same in the words of the protocol that it came by, where that has words for it."""


class Piece(NamedTuple):
    """A span as OTLP."""

    scope: bytes
    """The `scope` field of its ScopeSpans, tag included; empty where there is none."""

    span: bytes
    """The `spans` field of its ScopeSpans, tag included."""


ANY_NUMBER: Final = sys.maxsize
"""Of spans: what is translated comes from a datagram, or is known to be small."""

Group: TypeAlias = tuple[bytes, Iterable[Piece | Refused]]
"""Spans, and before them the `resource` field of their ResourceSpans, tag included, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """The spans of a foreign body as OTLP."""

    request: bytes
    """One ExportTraceServiceRequest, empty where no span is left."""

    span_count: int
    """How many spans are in it."""

    rejected: Mapping[str, int]
    """How many were refused, by reason."""

    message: str = ""
    """What the answer says of refused spans; empty where there are none."""


def translated(groups: Iterable[Group], most_spans: int) -> Translated:
    """Put spans that share a resource, and within it a scope, under one of each.

    Raises TooManySpansError before it looks at more of them, refused ones included.
    """
    owners: dict[bytes, dict[bytes, list[bytes]]] = {}
    refused: Counter[Refused] = Counter()
    left = most_spans
    for resource, spans in groups:
        scopes = owners.setdefault(resource, {})
        for span in spans:
            left -= 1
            if left < 0:
                raise TooManySpansError(most_spans)
            if isinstance(span, Refused):
                refused[span] += 1
            else:
                scopes.setdefault(span.scope, []).append(span.span)
    rejected: Counter[str] = Counter()
    for one, count in refused.items():
        rejected[one.reason] += count
    return Translated(
        request=_request(owners),
        span_count=sum(len(spans) for scopes in owners.values() for spans in scopes.values()),
        rejected=rejected,
        message=_message(refused),
    )


def _message(refused: Counter[Refused]) -> str:
    texts = [
        (one.says or one.reason) + ("" if count == 1 else f" ({count} spans)")
        for one, count in refused.most_common(_MOST_REASONS)
    ]
    return "; ".join(texts + (["and more"] if len(refused) > _MOST_REASONS else []))


def _request(owners: Mapping[bytes, Mapping[bytes, list[bytes]]]) -> bytes:
    return b"".join(
        field(
            _RESOURCE_SPANS,
            resource
            + b"".join(field(_SCOPE_SPANS, scope + b"".join(spans)) for scope, spans in scopes.items()),
        )
        for resource, scopes in owners.items()
        if scopes
    )
