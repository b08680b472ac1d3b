"""Datagrams in: judged by their frame, counted, spooled. Spans are not decoded here."""

import asyncio
import sys
from typing import Final

from spanloom_agent.counts import Counts
from spanloom_agent.senders import Senders
from spanloom_agent.spool import Spool
from spanloom_model import datagram, wire
from spanloom_model.envelope import RESOURCE_SPANS

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAX_MESSAGE_BYTES: Final = 2**18
"""The most that a compressed datagram may grow to."""


class Intake(asyncio.DatagramProtocol):
    """Takes what services on this host send."""

    def __init__(self, spool: Spool, counts: Counts) -> None:
        self._spool = spool
        self._counts = counts
        self._senders = Senders(counts)

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002  # asyncio's signature
        """Spool one datagram's message, or count why not; nothing that arrives raises."""
        try:
            message = self._message(data)
        except wire.MalformedError:
            self._counts.datagrams.labels("malformed").inc()
        else:
            self._counts.datagrams.labels("taken").inc()
            self._spool.put(message)

    def _message(self, data: bytes) -> bytes:
        decoded = datagram.decode(data)
        if isinstance(decoded, bytes):
            message = decoded
        else:
            message = _unzstd(decoded.payload) if decoded.zstd else decoded.payload
        # One datagram must not reach into the next when they are put together.
        wire.check_frames(message, RESOURCE_SPANS)
        if not isinstance(decoded, bytes):
            self._senders.saw(decoded)
        return message


def _unzstd(payload: bytes) -> bytes:
    one = zstd.ZstdDecompressor()
    try:
        message = one.decompress(payload, MAX_MESSAGE_BYTES)
    except zstd.ZstdError as exc:
        raise wire.MalformedError("the payload is not zstd") from exc
    if not one.eof:
        raise wire.MalformedError(f"the payload is torn, or more than {MAX_MESSAGE_BYTES} bytes")
    return message
