"""Traffic as services send it: deterministic OTLP requests of a shop of twenty services on twelve hosts.

Traces are walks through a call graph, heavy-tailed in size; names and attributes follow OpenTelemetry's
semantic conventions. Each host flushes the spans of its services when it has a request full, so the
spans of a trace come in several requests.
"""

from benchmarks.corpus.generator import BASE_NS, Corpus, Request

__all__ = ["BASE_NS", "Corpus", "Request"]
