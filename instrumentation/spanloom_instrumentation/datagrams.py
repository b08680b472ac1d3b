"""Spans to the agent on this host: OTLP in datagrams."""

import logging
import os
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final

from spanloom_instrumentation.forks import renew_in_children
from spanloom_instrumentation.native import reentrant_lock
from spanloom_instrumentation.packing import Packed, pack
from spanloom_instrumentation.resource import Resource
from spanloom_instrumentation.span import Span
from spanloom_instrumentation.udp import Socket
from spanloom_model import datagram
from spanloom_model.datagram import MAX_DATAGRAM_BYTES, Datagram
from spanloom_model.errors import MisconfiguredError

_log: Final = logging.getLogger(__name__)
_resource: Final[Callable[[Span], Resource]] = attrgetter("of.holder.resource")
"""`span.of.resource` without two calls of Python."""


class UdpSender:
    """Sends spans to an agent at `host:port`.

    Never raises: what cannot be sent is counted, and the agent is told with the next datagram.
    *send* takes datagrams elsewhere than to the network. One thread at a time.
    """

    def __init__(self, agent: str, *, send: Callable[[bytes], object] | None = None) -> None:
        self._agent = agent
        self._socket = Socket(agent)
        self._send = send or self._socket.send
        self.after_fork()
        renew_in_children(self)

    def after_fork(self) -> None:
        """Begin as another sender: two processes must not count in one sequence."""
        self._sender = int.from_bytes(os.urandom(8))
        self._sequence = 0
        self._dropped_count = 0
        self._counting = reentrant_lock()
        self._service = ""
        self._warned = False

    @property
    def dropped_count(self) -> int:
        """How many spans this process has given up on."""
        return self._dropped_count

    @property
    def sent_count(self) -> int:
        """How many spans this process has sent."""
        return self._sequence

    def send(self, spans: Sequence[Span]) -> int:
        """Send the spans in as few datagrams as hold them; returns how many were sent.

        A datagram that cannot be sent costs its own spans.
        """
        sent = 0
        try:
            for resource, group in groupby(spans, _resource):
                room_bytes = MAX_DATAGRAM_BYTES - datagram.header_bytes(resource.service)
                for packed in pack(resource.encoded, group, room_bytes):
                    sent += self._send_one(resource.service, packed)
        except Exception as exc:  # noqa: BLE001  # the promise above: not even what nobody thought of
            self._warn_once(exc)
        self.note_dropped(len(spans) - sent)
        return sent

    def _send_one(self, service: str, packed: Packed) -> int:
        """How many spans were sent: all of them, or none."""
        data = datagram.encode(
            Datagram(
                sender=self._sender,
                service=service,
                sequence=self._sequence,
                span_count=packed.span_count,
                dropped_count=self._dropped_count,
                payload=packed.payload,
            )
        )
        try:
            self._send(data)
        except (OSError, MisconfiguredError) as exc:
            self._warn_once(exc)
            return 0
        self._sequence += packed.span_count
        self._service = service
        return packed.span_count

    def note_dropped(self, span_count: int) -> None:
        """Count spans that were given up on before they came here; any thread."""
        # Its owner may take this lock again, so a signal handler never waits for the thread it interrupts.
        with self._counting:
            self._dropped_count += span_count

    def close(self) -> None:
        """Tell the agent how many spans there were, if any; close the socket. A later send opens another."""
        if self._sequence:
            self._send_one(self._service, Packed(b"", 0))
        self._socket.close()

    def _warn_once(self, exc: Exception) -> None:
        if not self._warned:
            self._warned = True
            _log.warning("Spans cannot be sent to the agent at %s and are dropped: %s", self._agent, exc)
