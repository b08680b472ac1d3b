"""Spans to the agent on this host: OTLP in datagrams, from whichever thread exports."""

import logging
import os
import secrets
import socket
import weakref
from collections.abc import Sequence
from typing import Final

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from spanloom_instrumentation.packing import pack
from spanloom_model import address, datagram
from spanloom_model.datagram import MAX_DATAGRAM_BYTES, Datagram
from spanloom_model.errors import MisconfiguredError

SEND_TIMEOUT_S: Final = 0.1

_log = logging.getLogger(__name__)


class UdpSpanExporter(SpanExporter):
    """Sends spans to an agent at `host:port`; plugs into any OpenTelemetry span processor too.

    Never raises: what cannot be sent is counted, and the agent is told with the next datagram.
    """

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self._begin()
        begin = weakref.WeakMethod(self._begin)
        os.register_at_fork(after_in_child=lambda: (method := begin()) and method())

    def _begin(self) -> None:
        """A new sender: after a fork too, or two processes would count in one sequence."""
        self._sender = secrets.randbits(64)
        self._sequence = 0
        self._dropped_count = 0
        self._warned = False
        self._socket: socket.socket | None = None
        self._target: tuple[str, int] | None = None

    @property
    def dropped_count(self) -> int:
        """How many spans this process has given up on."""
        return self._dropped_count

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send the spans in as few datagrams as hold them."""
        left = len(spans)
        try:
            service = str(spans[0].resource.attributes.get("service.name", ""))
            for payload, span_count in pack(encode_spans(spans), self._room_bytes(service)):
                self._send(service, payload, span_count)
                left -= span_count
        except (OSError, ValueError, MisconfiguredError) as exc:
            self._warn_once(exc)
            self.note_dropped(left)
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def note_dropped(self, span_count: int) -> None:
        """Count spans that were given up on before they came here."""
        self._dropped_count += span_count

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002  # the interface's signature
        """Nothing is kept back here."""
        return True

    def shutdown(self) -> None:
        """Close the socket; a later export opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _room_bytes(self, service: str) -> int:
        return MAX_DATAGRAM_BYTES - datagram.header_bytes(service)

    def _send(self, service: str, payload: bytes, span_count: int) -> None:
        data = datagram.encode(
            Datagram(
                sender=self._sender,
                service=service,
                sequence=self._sequence,
                span_count=span_count,
                dropped_count=self._dropped_count,
                payload=payload,
            )
        )
        # Not connected: a connected socket fails the next datagram when nobody heard the last one.
        self._open().sendto(data, self._target or ("", 0))
        self._sequence += span_count

    def _open(self) -> socket.socket:
        if self._socket is None:
            host, port = address.split(self._agent)
            family, kind, _, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            self._socket = socket.socket(family, kind)
            self._socket.settimeout(SEND_TIMEOUT_S)
            self._target = (str(target[0]), int(target[1]))
        return self._socket

    def _warn_once(self, exc: Exception) -> None:
        if not self._warned:
            self._warned = True
            _log.warning("Spans cannot be sent to the agent at %s and are dropped: %s", self._agent, exc)
