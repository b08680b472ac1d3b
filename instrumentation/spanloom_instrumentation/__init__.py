"""Trace a Python service: one call at its start, OpenTelemetry's API everywhere else.

import spanloom_instrumentation

spanloom_instrumentation.configure(service="checkout")
"""

from spanloom_instrumentation.configuration import configure
from spanloom_instrumentation.udp import UdpSpanExporter

__all__ = ["UdpSpanExporter", "configure"]
