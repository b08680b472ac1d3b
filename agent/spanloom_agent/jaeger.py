"""Datagrams of Jaeger clients in: their Thrift becomes OTLP, then they go the way of all others."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from spanloom_agent.counts import Counts
from spanloom_agent.slots import SLOT_BYTES
from spanloom_agent.spool import Spool

if TYPE_CHECKING:
    from spanloom_dialects.translated import Translated

COMPACT: Final = "jaeger-compact"
BINARY: Final = "jaeger-binary"


class JaegerIntake:
    """Takes `emitBatch` and `emitZipkinBatch`, in the encoding of its door."""

    def __init__(self, door: str, buffer: bytearray, spool: Spool, counts: Counts) -> None:
        self._door = door
        self._view = memoryview(buffer)
        self._spool = spool
        self._counts = counts

    def take(self, lengths: Sequence[int]) -> None:
        """Spool what becomes of the datagrams in the slots, or count why not."""
        for place, length in enumerate(lengths):
            at = place * SLOT_BYTES
            found = self._translated(bytes(self._view[at : at + length]))
            if found is None:
                self._counts.malformed(self._door, "thrift")
                continue
            self._counts.datagrams.labels(self._door, "taken").inc()
            for reason, count in found.rejected.items():
                self._counts.spans_refused.labels(self._door, reason).inc(count)
            if found.request:
                self._spool.put([found.request], [found.span_count])

    def _translated(self, data: bytes) -> "Translated | None":
        # Imported with the first datagram: most hosts have no Jaeger client, and their agents stay small.
        from spanloom_dialects.datagrams import from_datagram  # noqa: PLC0415  # see above
        from spanloom_dialects.errors import DialectError  # noqa: PLC0415  # see above
        from spanloom_dialects.thrift_wire import Encoding  # noqa: PLC0415  # see above

        try:
            return from_datagram(data, Encoding.COMPACT if self._door == COMPACT else Encoding.BINARY)
        except DialectError:
            return None
