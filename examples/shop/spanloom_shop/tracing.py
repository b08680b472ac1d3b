"""Tracing, switched on. All that a service adds to this are the spans, attributes and events of its own."""

import os

from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.sqlite3 import SQLite3Instrumentor

from spanloom_instrumentation import configure


def start_tracing(service: str) -> None:
    """Trace this process: `configure` is Spanloom's part, and the libraries make their spans by themselves.

    To be called before the first client or connection is made. Spans go by UDP to the agent that
    `SPANLOOM_AGENT` names; where none listens they are lost, and the service does not notice.
    """
    # Without this, OpenTelemetry's packages still write the names of 2022, like http.url and db.statement.
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")
    configure(service=service)
    HTTPXClientInstrumentor().instrument()
    SQLite3Instrumentor().instrument()
