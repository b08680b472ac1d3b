"""Spans to the agent on this host: OTLP in datagrams, from whichever thread exports."""

import logging
import os
import secrets
import socket
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Final

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from spanloom_instrumentation.packing import pack
from spanloom_model import address, datagram
from spanloom_model.datagram import MAX_DATAGRAM_BYTES, Datagram
from spanloom_model.errors import MisconfiguredError

SEND_TIMEOUT_S: Final = 0.1
RESOLVE_EVERY_S: Final = 30.0

_log = logging.getLogger(__name__)


class Socket:
    """Datagrams to one address; opened by the first, and again after a fork or a while."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._udp: socket.socket | None = None
        self._where: tuple[Any, ...] = ()
        self._opened = 0, 0.0

    def send(self, data: bytes) -> None:
        """Send one datagram; raises OSError or MisconfiguredError where that is not possible."""
        process, since_s = self._opened
        fresh = process == os.getpid() and time.monotonic() - since_s <= RESOLVE_EVERY_S
        udp = self._udp if self._udp is not None and fresh else self._open()
        # Not connected: a connected socket fails the next datagram when nobody heard the last one.
        udp.sendto(data, self._where)

    def _open(self) -> socket.socket:
        # The name is asked again now and then: an agent in a container comes back at another address.
        family, self._where = address.resolve(*address.split(self._target), socket.SOCK_DGRAM)
        self.close()
        self._udp = socket.socket(family, socket.SOCK_DGRAM)
        self._udp.settimeout(SEND_TIMEOUT_S)
        self._opened = os.getpid(), time.monotonic()
        return self._udp

    def close(self) -> None:
        """Close it; a later send opens it again."""
        if self._udp is not None:
            self._udp.close()
            self._udp = None


class UdpSpanExporter(SpanExporter):
    """Sends spans to an agent at `host:port`; plugs into any OpenTelemetry span processor too.

    Never raises: what cannot be sent is counted, and the agent is told with the next datagram.
    *send* takes datagrams elsewhere than to the network.
    """

    def __init__(self, agent: str, *, send: Callable[[bytes], object] | None = None) -> None:
        self._agent = agent
        self._socket = Socket(agent)
        self._send = send or self._socket.send
        self._begin()
        begin = weakref.WeakMethod(self._begin)
        os.register_at_fork(after_in_child=lambda: (method := begin()) and method())

    def _begin(self) -> None:
        """A new sender: after a fork too, or two processes would count in one sequence."""
        self._sender = secrets.randbits(64)
        self._sequence = 0
        self._dropped_count = 0
        self._warned = False

    @property
    def dropped_count(self) -> int:
        """How many spans this process has given up on."""
        return self._dropped_count

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send the spans in as few datagrams as hold them; one that cannot be sent costs its own spans."""
        sent = 0
        try:
            service = str(spans[0].resource.attributes.get("service.name", ""))
            room_bytes = MAX_DATAGRAM_BYTES - datagram.header_bytes(service)
            for payload, span_count in pack(encode_spans(spans), room_bytes):
                sent += self._send_one(self._datagram(service, payload, span_count), span_count)
        except Exception as exc:  # noqa: BLE001  # the promise above: not even what nobody thought of
            self._warn_once(exc)
        self.note_dropped(len(spans) - sent)
        return SpanExportResult.SUCCESS if sent == len(spans) else SpanExportResult.FAILURE

    def _send_one(self, data: bytes, span_count: int) -> int:
        """How many spans were sent: all of them, or none."""
        try:
            self._send(data)
        except (OSError, MisconfiguredError) as exc:
            self._warn_once(exc)
            return 0
        self._sequence += span_count
        return span_count

    def note_dropped(self, span_count: int) -> None:
        """Count spans that were given up on before they came here."""
        self._dropped_count += span_count

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002  # the interface's signature
        """Nothing is kept back here."""
        return True

    def shutdown(self) -> None:
        """Close the socket; a later export opens another."""
        self._socket.close()

    def _datagram(self, service: str, payload: bytes, span_count: int) -> bytes:
        return datagram.encode(
            Datagram(
                sender=self._sender,
                service=service,
                sequence=self._sequence,
                span_count=span_count,
                dropped_count=self._dropped_count,
                payload=payload,
            )
        )

    def _warn_once(self, exc: Exception) -> None:
        if not self._warned:
            self._warned = True
            _log.warning("Spans cannot be sent to the agent at %s and are dropped: %s", self._agent, exc)
