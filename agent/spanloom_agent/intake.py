"""Datagrams in: judged by their frame, counted, spooled. Spans are not decoded here."""

import struct
import sys
from collections.abc import Sequence
from typing import Final

from spanloom_agent.counts import Counts
from spanloom_agent.senders import Senders
from spanloom_agent.slots import SLOT_BYTES
from spanloom_agent.spool import Spool
from spanloom_model import datagram, wire
from spanloom_model.datagram import NAME_AT
from spanloom_model.envelope import RESOURCE_SPANS

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

DOOR: Final = "otlp"
MAX_MESSAGE_BYTES: Final = 2**18
"""The most that a compressed datagram may grow to."""

_SLOT: Final = struct.Struct(f"{datagram.NUMBERS.format}{SLOT_BYTES - datagram.NUMBERS.size}x")
"""The numbers of a header; what follows in its slot is passed over."""


class Intake:
    """Takes what services on this host send."""

    def __init__(self, buffer: bytearray, spool: Spool, counts: Counts) -> None:
        self._buffer = buffer
        self._view = memoryview(buffer)
        self._spool = spool
        self._counts = counts
        self._senders = Senders(counts.services)
        self._heads = _Heads()
        self._taken = counts.datagrams.labels(DOOR, "taken")

    def take_one(self, data: bytes) -> None:
        """Take a datagram that came by another way than a socket."""
        self._buffer[: len(data)] = data
        self.take([len(data)])

    def take(self, lengths: Sequence[int]) -> None:
        """Spool the messages of the datagrams in the slots, or count why not; nothing that arrives raises.

        The usual datagram is the next of a known sender and holds one field: such are known by
        comparing bytes, in half a microsecond. All others take the long way to the same end.
        """
        buffer, heads = self._buffer, self._heads
        sender_of, has = self._senders.known.get, buffer.startswith
        messages: list[bytes | bytearray] = []
        spans: list[int] = []
        at = 0
        numbers = _SLOT.iter_unpack(self._view[: len(lengths) * SLOT_BYTES])
        for (beginning, sequence, span_count, dropped_count), length in zip(numbers, lengths, strict=True):
            sender = sender_of(beginning)
            if (
                sender is not None
                and sequence == sender.expected
                and dropped_count == sender.dropped
                and (size := length - sender.payload_at) > 2
                and has(sender.name, at + NAME_AT)
                and has(heads[size], at + sender.payload_at)
            ):
                sender.expected = sequence + span_count
                sender.fresh = True
                sender.service.received += span_count
                messages.append(buffer[at + length - size : at + length])
                spans.append(span_count)
            elif length > 2 and has(heads[length], at):
                messages.append(buffer[at : at + length])
                spans.append(0)
            elif judged := self._judged(bytes(self._view[at : at + length])):
                messages.append(judged[0])
                spans.append(judged[1])
            at += SLOT_BYTES
        self._taken.inc(len(messages))
        self._spool.put(messages, spans)

    def _judged(self, data: bytes) -> tuple[bytes, int] | None:
        """A datagram's message and how many spans it is said to have; or why not is counted."""
        reason = "header"
        try:
            found = datagram.decode(data)
            message = found if isinstance(found, bytes) else found.payload
            if isinstance(found, datagram.Datagram) and found.zstd:
                reason = "compression"
                message = _unzstd(message)
            # One datagram must not reach into the next when they are put together.
            reason = "frames"
            wire.check_frames(message, RESOURCE_SPANS)
        except wire.MalformedError:
            self._counts.malformed(DOOR, reason)
            return None
        if isinstance(found, bytes):
            return message, 0
        self._senders.saw(found)
        if not message and not found.span_count:  # its sender has ended, and says how many it has sent
            self._taken.inc()
            return None
        return message, found.span_count


class _Heads(dict[int, bytes]):
    """How a message begins that is so many bytes long (3 at least) and one field from end to end."""

    def __missing__(self, size: int) -> bytes:
        width = 1 if size <= 2 + 0x7F else 2 if size <= 3 + 0x3FFF else 3
        length = size - 1 - width
        sevens = [length >> 7 * place & 0x7F | 0x80 for place in range(width)]
        sevens[-1] &= 0x7F
        head = bytes([RESOURCE_SPANS << 3 | 2, *sevens])
        if width < 3:  # all of them would take megabytes, and those of large messages save little
            self[size] = head
        return head


def _unzstd(payload: bytes) -> bytes:
    one = zstd.ZstdDecompressor()
    try:
        message = one.decompress(payload, MAX_MESSAGE_BYTES)
    except zstd.ZstdError as exc:
        raise wire.MalformedError("the payload is not zstd") from exc
    if not one.eof:
        raise wire.MalformedError(f"the payload is torn, or more than {MAX_MESSAGE_BYTES} bytes")
    return message
