"""What each sender's sequence says about spans that never arrived."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from spanloom_agent.counts import Service, Services
from spanloom_model import datagram
from spanloom_model.datagram import Datagram

MAX_SENDERS: Final = 10_000
"""Processes remembered at once; one that has been silent is forgotten first."""


@dataclass(slots=True)
class Sender:
    """One process that sends."""

    service: Service
    name: bytes
    """Its service's, as its datagrams have it."""
    payload_at: int
    """Where its datagrams' payload begins."""
    expected: int
    """The sequence of the next datagram, if nothing is lost."""
    dropped: int = 0
    """How many spans it has given up on, as it last said."""
    lost: int = 0
    fresh: bool = True
    """Whether it was heard of since somebody last looked for one to forget."""


class Senders:
    """Counts gaps: a sequence counts spans, so a gap is so many spans (see spanloom_model.datagram)."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.known: OrderedDict[bytes, Sender] = OrderedDict()
        """By the beginning of their datagrams."""

    def saw(self, one: Datagram) -> None:
        """Note a datagram's place in its sender's sequence."""
        sender = self._sender(one)
        sender.fresh = True
        gap = one.sequence - sender.expected
        if gap >= 0:
            sender.expected = one.sequence + one.span_count
        elif sender.lost:
            # Later than its successors: it was counted as lost when they came.
            gap = -min(one.span_count, sender.lost)
        else:
            return  # the network has doubled it
        sender.lost += gap
        sender.service.received += one.span_count
        sender.service.lost += gap
        if one.dropped_count > sender.dropped:
            sender.service.dropped += one.dropped_count - sender.dropped
            sender.dropped = one.dropped_count

    def _sender(self, one: Datagram) -> Sender:
        key = datagram.beginning(one.sender)
        name = datagram.name(one.service)
        sender = self.known.get(key)
        if sender is None:
            if len(self.known) >= MAX_SENDERS:
                self._forget_one()
            sender = self.known[key] = Sender(Service(), b"", 0, one.sequence)
            if one.sequence:
                # An agent before this one has counted it, or nobody was there.
                sender.dropped = one.dropped_count
                self._services.named(one.service).earlier += one.sequence + one.dropped_count
        if sender.name != name:
            sender.name = name
            sender.payload_at = datagram.NAME_AT + len(name)
            sender.service = self._services.named(one.service)
        return sender

    def _forget_one(self) -> None:
        """The one at the front, unless it was heard of since it came there: then it goes to the back."""
        while True:
            key, sender = self.known.popitem(last=False)
            if not sender.fresh:
                return
            sender.fresh = False
            self.known[key] = sender
