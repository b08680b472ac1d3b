"""Trace a Python service: one call at its start, OpenTelemetry's API everywhere else.

import spanloom_instrumentation

spanloom_instrumentation.configure(service="checkout")
"""

from typing import TYPE_CHECKING, Any

from spanloom_instrumentation.configuration import configure
from spanloom_instrumentation.provider import TracerProvider

if TYPE_CHECKING:
    from spanloom_instrumentation.sdk.exporter import UdpSpanExporter

__all__ = ["TracerProvider", "UdpSpanExporter", "configure"]


def __getattr__(name: str) -> Any:
    # Only who uses opentelemetry-sdk should wait for its import.
    if name == "UdpSpanExporter":
        from spanloom_instrumentation.sdk.exporter import UdpSpanExporter  # noqa: PLC0415

        return UdpSpanExporter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
