"""Our exporter for the provider of `opentelemetry-sdk`."""

import threading
from collections.abc import Callable, Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from spanloom_instrumentation.datagrams import UdpSender
from spanloom_instrumentation.sdk.imported import imported


class UdpSpanExporter(SpanExporter):
    """Sends spans to an agent at `host:port`, from any span processor of `opentelemetry-sdk`.

    Never raises: what cannot be sent is counted, and the agent is told with the next datagram.
    *send* takes datagrams elsewhere than to the network.
    """

    def __init__(self, agent: str, *, send: Callable[[bytes], object] | None = None) -> None:
        self._sender = UdpSender(agent, send=send)
        # SimpleSpanProcessor exports in whichever thread ends a span, also in a signal handler.
        self._one_at_a_time = threading.RLock()

    @property
    def dropped_count(self) -> int:
        """How many spans this process has given up on."""
        return self._sender.dropped_count

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send the spans in as few datagrams as hold them; one that cannot be sent costs its own spans."""
        ours = list(imported(spans))
        with self._one_at_a_time:
            sent = self._sender.send(ours)
            self._sender.note_dropped(len(spans) - len(ours))
        return SpanExportResult.SUCCESS if sent == len(spans) else SpanExportResult.FAILURE

    def note_dropped(self, span_count: int) -> None:
        """Count spans that were given up on before they came here."""
        self._sender.note_dropped(span_count)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002  # the interface's signature
        """Nothing is kept back here."""
        return True

    def shutdown(self) -> None:
        """Close the socket; a later export opens another."""
        self._sender.close()
