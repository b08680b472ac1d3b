"""Trace a Python service: one call at its start, OpenTelemetry's API everywhere else.

import spanloom_instrumentation

spanloom_instrumentation.configure(service="checkout")
"""

from typing import TYPE_CHECKING, Any

from spanloom_instrumentation.annotation import annotate
from spanloom_instrumentation.carried_context import attached, carrying, carrying_executor, links_to
from spanloom_instrumentation.configuration import configure
from spanloom_instrumentation.provider import TracerProvider
from spanloom_instrumentation.traced_function import traced

if TYPE_CHECKING:
    from spanloom_instrumentation.sdk.exporter import UdpSpanExporter

__all__ = [
    "TracerProvider",
    "UdpSpanExporter",
    "annotate",
    "attached",
    "carrying",
    "carrying_executor",
    "configure",
    "links_to",
    "traced",
]


def __getattr__(name: str) -> Any:
    # Only who uses opentelemetry-sdk should wait for its import.
    if name == "UdpSpanExporter":
        from spanloom_instrumentation.sdk.exporter import UdpSpanExporter  # noqa: PLC0415  # see above

        return UdpSpanExporter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
