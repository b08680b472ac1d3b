"""The short ways of the agent lead where its long ones do."""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanloom_agent.counts import Counts
from spanloom_agent.intake import Intake
from spanloom_agent.reader import Reader
from spanloom_agent.senders import MAX_SENDERS
from spanloom_agent.slots import COUNT, SLOT_BYTES, PlainSlots, Slots, slots
from spanloom_agent.spool import Spool
from spanloom_model import datagram, wire
from spanloom_model.datagram import Datagram
from tests.agent.in_process import until


class SpoolDouble:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.spans: list[int] = []

    def put(self, messages: Sequence[bytes], spans: Sequence[int]) -> None:
        """Add messages."""
        self.messages += map(bytes, messages)
        self.spans += spans


def intake_before(spool: SpoolDouble) -> tuple[Intake, Counts]:
    """An intake with room for one datagram."""
    counts = Counts()
    return Intake(bytearray(SLOT_BYTES), cast("Spool", spool), counts), counts


def is_whole(message: bytes) -> bool:
    """Whether this may be put before another message, as the model says."""
    try:
        wire.check_frames(message, 1)
    except wire.MalformedError:
        return False
    return True


SIZES = st.one_of(st.integers(0, 300), st.integers(16_300, 16_500), st.integers(0, 60_000))
PAYLOADS = st.one_of(
    st.binary(max_size=10),
    st.binary(max_size=8).map(lambda more: b"\x0a" + more),
    SIZES.map(lambda size: wire.field(1, bytes(size))),
    st.tuples(SIZES, st.integers(-2, 2)).map(lambda found: cut(wire.field(1, bytes(found[0])), found[1])),
    st.just(wire.field(1, b"a") + wire.field(1, b"b")),
    st.just(b"\x0a\x83\x00abc"),  # a length in more bytes than it needs
)


def cut(message: bytes, by: int) -> bytes:
    """A message that is too short, or too long."""
    return message + bytes(by) if by >= 0 else message[:by]


@given(st.lists(PAYLOADS, max_size=8), st.booleans())
def test_known_senders_are_judged_as_strictly_as_new_ones(payloads: list[bytes], bare: bool) -> None:  # noqa: FBT001  # Hypothesis gives it
    """Whether a datagram takes the short way or the long one makes no difference to what is forwarded."""
    spool = SpoolDouble()
    intake, counts = intake_before(spool)
    whole: list[bytes] = []
    for payload in payloads:
        one = Datagram(sender=1, service="shop", sequence=len(whole), span_count=1, payload=payload)
        intake.take_one(payload if bare else datagram.encode(one))
        if is_whole(payload) and (payload or not bare):
            whole.append(payload)
    assert spool.messages == whole
    assert spool.spans == [0 if bare else 1] * len(whole)
    figures = [(service.received, service.lost) for _, service in counts.services]
    assert figures == ([] if bare or not whole else [(len(whole), 0)])


def test_sender_with_another_name_is_counted_under_it() -> None:
    """A process that says it is another service than before is believed."""
    intake, counts = intake_before(SpoolDouble())
    for sequence, service in enumerate(["shop", "shop", "cart", "cart", "shop"]):
        payload = wire.field(1, b"span")
        one = Datagram(sender=1, service=service, sequence=sequence, span_count=1, payload=payload)
        intake.take_one(datagram.encode(one))
    assert {name: service.received for name, service in counts.services} == {"shop": 3, "cart": 2}


def test_silent_senders_are_forgotten_before_others() -> None:
    """A host that starts processes all day does not cost ever more memory, and who sends is not forgotten."""
    intake, counts = intake_before(SpoolDouble())

    def send(sender: int, sequence: int) -> None:
        payload = wire.field(1, b"span")
        one = Datagram(sender=sender, service="shop", sequence=sequence, span_count=1, payload=payload)
        intake.take_one(datagram.encode(one))

    for number in range(MAX_SENDERS + 2000):
        send(1000 + number, 0)
        if number % 100 == 0:
            send(7, number // 100)
    send(7, 1000)
    services = dict(counts.services)
    assert services["shop"].lost == 1000 - (MAX_SENDERS + 2000) // 100, "its gap is noticed"


@pytest.fixture(params=[slots, PlainSlots], ids=["system", "plain"])
def room(request: pytest.FixtureRequest) -> Slots:
    """Each way to receive."""
    return cast("Slots", request.param())


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """(who receives, who sends to it)."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as to,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as by,
    ):
        to.bind(("127.0.0.1", 0))
        to.settimeout(0)
        by.connect(to.getsockname())
        yield to, by


def test_datagrams_of_all_sizes_are_received(room: Slots, pair: tuple[socket.socket, socket.socket]) -> None:
    """Empty ones, the largest that there are, more than fit at once: each is what was sent."""
    to, by = pair
    sizes = [0, 1, 65_507, *range(2, COUNT)]
    for number, size in enumerate(sizes):
        by.send(bytes([number % 256]) * size)
    received: list[bytes] = []
    while lengths := room.receive(to):
        for place, length in enumerate(lengths):
            received.append(bytes(room.buffer[place * SLOT_BYTES :][:length]))
    assert received == [bytes([number % 256]) * size for number, size in enumerate(sizes)]


async def test_who_has_no_room_leaves_datagrams_to_the_kernel(
    room: Slots, pair: tuple[socket.socket, socket.socket]
) -> None:
    """A disk that is slow for a moment costs nothing: what comes meanwhile waits in the socket's buffer."""
    to, by = pair
    received = 0
    full = True

    def take(lengths: Sequence[int]) -> None:
        nonlocal received
        received += len(lengths)

    reader = Reader(to, room, take, has_room=lambda: not full)
    for _ in range(100):
        by.send(b"datagram")
    await asyncio.sleep(0.05)
    assert received == 0
    full = False
    await until(lambda: received == 100)
    by.send(b"the last")
    reader.close()
    assert received == 101
