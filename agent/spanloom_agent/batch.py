"""What goes to a collector as one request.

Two OTLP messages one after the other are one message, so putting together is concatenation. How
long each was is kept, for the day when a collector refuses the whole.
"""

from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

OVERHEAD_BYTES: Final = 8
"""What is kept of a message besides its bytes: its length and its number of spans."""

PIECE_BYTES: Final = 2**16
"""Messages are tied together up to this size: small ones cost a call each, large ones new memory."""


class Place(NamedTuple):
    """Where a batch lies on the disk."""

    file: Path
    at: int


class Batch:
    """Messages in the order they came; never changed."""

    __slots__ = ("pieces", "places", "sizes", "spans")

    def __init__(
        self, pieces: Sequence[bytes], sizes: "array[int]", spans: "array[int]", places: Sequence[Place] = ()
    ) -> None:
        self.pieces = pieces
        """The messages one after the other, cut anywhere: in one piece they would be copied on their way."""
        self.sizes = sizes
        """How many bytes each message has."""
        self.spans = spans
        """How many spans each message has, 0 where its sender did not say."""
        self.places = places
        """Where its parts lie on the disk, if they do."""

    def __len__(self) -> int:
        """How many messages these are."""
        return len(self.sizes)

    @property
    def span_count(self) -> int:
        """How many spans, as far as their senders said."""
        return sum(self.spans)

    @property
    def body_bytes(self) -> int:
        """How long the request will be."""
        return sum(self.sizes)

    @property
    def size_bytes(self) -> int:
        """What it takes in memory."""
        return self.body_bytes + OVERHEAD_BYTES * len(self.sizes)

    def from_message(self, number: int) -> Self:
        """The messages from this one on."""
        if not number:
            return self
        body = b"".join(self.pieces)[sum(self.sizes[:number]) :]
        return type(self)([body], self.sizes[number:], self.spans[number:], self.places)

    def halves(self) -> tuple[Self, Self]:
        """The first half of the messages, and the others."""
        middle = len(self) // 2
        first = b"".join(self.pieces)[: sum(self.sizes[:middle])]
        return type(self)([first], self.sizes[:middle], self.spans[:middle]), self.from_message(middle)


class Filling:
    """A batch to be."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._loose: list[bytes | bytearray] = []
        self._loose_bytes = 0
        self._sizes = array("I")
        self._spans = array("I")
        self.size_bytes = 0
        """What it takes in memory."""

    def __len__(self) -> int:
        """How many messages are in it."""
        return len(self._sizes)

    def add(self, messages: Sequence[bytes | bytearray], sizes: Sequence[int], spans: Sequence[int]) -> None:
        """Add messages of these sizes."""
        added = sum(sizes)
        self._loose += messages
        self._loose_bytes += added
        self._sizes.extend(sizes)
        self._spans.extend(spans)
        self.size_bytes += added + OVERHEAD_BYTES * len(sizes)
        if self._loose_bytes >= PIECE_BYTES:
            self._tie()

    def batch(self) -> Batch:
        """What was added."""
        self._tie()
        return Batch(self._pieces, self._sizes, self._spans)

    def _tie(self) -> None:
        if self._loose:
            self._pieces.append(b"".join(self._loose))
            self._loose.clear()
            self._loose_bytes = 0


def joined(batches: Sequence[Batch], places: Sequence[Place]) -> Batch:
    """Batches from these places as one."""
    sizes, spans = array("I"), array("I")
    for batch in batches:
        sizes += batch.sizes
        spans += batch.spans
    return Batch([piece for batch in batches for piece in batch.pieces], sizes, spans, places)
