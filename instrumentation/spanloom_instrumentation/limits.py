"""How much one span may say."""

import sys
from dataclasses import dataclass
from typing import Final

UNLIMITED: Final = sys.maxsize
ANNOTATION_BYTES: Final = 65_536
"""By default no less than a datagram holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeLimits:
    """For the attributes of a span, an event or a link."""

    most: int = 128
    """What comes when there are as many is discarded and counted."""
    longest: int = UNLIMITED
    """Characters of a string, bytes of bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanLimits:
    """OpenTelemetry's limits, with its defaults (specification/trace/sdk.md, Span Limits)."""

    span: AttributeLimits = AttributeLimits()
    event: AttributeLimits = AttributeLimits()
    link: AttributeLimits = AttributeLimits()
    events: int = 128
    """Of more, those in between are discarded and counted: see `More.forget_event`."""
    links: int = 128
    annotation_bytes: int = ANNOTATION_BYTES
    """Of all attributes, events and links together; what identifies and times a span comes on top."""
