"""What each sender's sequence says about spans that never arrived."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from spanloom_agent.counts import Counts
from spanloom_model.datagram import Datagram

MAX_SENDERS: Final = 10_000
"""Processes remembered at once; the one that was silent longest is forgotten first."""
MAX_SERVICES: Final = 1_000
"""Services with counters of their own; names come from the network, and metrics live for ever."""
OTHER: Final = "(other)"


@dataclass(slots=True)
class _Sender:
    expected: int
    """The sequence of the next datagram, if nothing is lost."""
    dropped: int = 0
    lost: int = 0


class Senders:
    """Counts gaps: a sequence counts spans, so a gap is so many spans (see spanloom_model.datagram)."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._senders: OrderedDict[int, _Sender] = OrderedDict()
        self._services: set[str] = set()

    def saw(self, datagram: Datagram) -> None:
        """Note a datagram's place in its sender's sequence."""
        service = self._label(datagram.service)
        sender = self._sender(datagram)
        gap = datagram.sequence - sender.expected
        if gap >= 0:
            sender.expected = datagram.sequence + datagram.span_count
        elif sender.lost:
            # Later than its successors: it was counted as lost when they came.
            gap = -min(datagram.span_count, sender.lost)
        else:
            return  # the network has doubled it
        sender.lost += gap
        self._counts.spans_received.labels(service).inc(datagram.span_count)
        if gap:
            self._counts.spans_lost.labels(service).inc(gap)
        if datagram.dropped_count > sender.dropped:
            self._counts.spans_dropped_by_senders.labels(service).inc(datagram.dropped_count - sender.dropped)
            sender.dropped = datagram.dropped_count

    def _sender(self, datagram: Datagram) -> _Sender:
        sender = self._senders.get(datagram.sender)
        if sender is None:
            # What was sent, lost or dropped before this agent started is not counted again.
            known = datagram.dropped_count if datagram.sequence else 0
            sender = self._senders[datagram.sender] = _Sender(datagram.sequence, dropped=known)
            if len(self._senders) > MAX_SENDERS:
                self._senders.popitem(last=False)
        self._senders.move_to_end(datagram.sender)
        return sender

    def _label(self, service: str) -> str:
        if service not in self._services:
            if len(self._services) >= MAX_SERVICES:
                return OTHER
            self._services.add(service)
        return service
