"""The datagram and the wire format under it."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanloom_model import datagram, wire
from spanloom_model.datagram import Datagram
from spanloom_model.envelope import seal

UINT64 = st.integers(0, 2**64 - 1)


@given(
    st.builds(
        Datagram,
        sender=UINT64,
        service=st.text(max_size=60),
        sequence=UINT64,
        span_count=st.integers(0, 2**32 - 1),
        dropped_count=UINT64,
        payload=st.binary(max_size=200),
        zstd=st.booleans(),
    )
)
def test_datagram_reads_back(sent: Datagram) -> None:
    """The agent sees what the application has sent, whatever its service is called."""
    data = datagram.encode(sent)
    assert datagram.decode(data) == sent
    assert len(data) == datagram.header_bytes(sent.service) + len(sent.payload)


def test_long_service_name_is_cut_between_characters() -> None:
    """A name too long for the header becomes a shorter name, not a broken one."""
    sent = Datagram(sender=1, service="ü" * 200, sequence=0, span_count=0, payload=b"")
    read = datagram.decode(datagram.encode(sent))
    assert isinstance(read, Datagram)
    assert read.service == "ü" * 127


def test_bare_otlp_is_taken_as_it_is() -> None:
    """Any program that can send OTLP in a datagram needs no header of ours."""
    message = seal([(b"", b"", b"span")])
    assert datagram.decode(message) == message


@given(st.binary(max_size=100))
def test_anything_else_is_malformed_and_nothing_worse(data: bytes) -> None:
    """Noise on the port costs a count."""
    with contextlib.suppress(wire.MalformedError):
        datagram.decode(data)


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=5))
def test_whole_frames_pass_and_torn_ones_do_not(payloads: list[bytes]) -> None:
    """A datagram can never swallow the beginning of the next one in a request."""
    message = b"".join(wire.field(1, payload) for payload in payloads)
    wire.check_frames(message, 1)
    boundaries = {
        sum(len(wire.field(1, payload)) for payload in payloads[:n]) for n in range(len(payloads) + 1)
    }
    for end in set(range(len(message))) - boundaries:
        with pytest.raises(wire.MalformedError):
            wire.check_frames(message[:end], 1)


@pytest.mark.parametrize(
    "message",
    [b"\x12\x00", b"\x0a\x00", b"\x0a\x01x" * 1001, b"\x0a", b"\x0a\x80", b"\x0a\xff\xff\xff\xff\xff\x01"],
)
def test_frames_of_another_kind_are_refused(message: bytes) -> None:
    """Only whole ResourceSpans may be put together."""
    with pytest.raises(wire.MalformedError):
        wire.check_frames(message, 1)


@given(st.integers(0, 2**35 - 1))
def test_varints_end_where_they_say(value: int) -> None:
    """Lengths of any size are written as protobuf reads them."""
    encoded = wire.varint(value)
    assert all(byte & 0x80 for byte in encoded[:-1])
    assert not encoded[-1] & 0x80
    assert sum((byte & 0x7F) << 7 * place for place, byte in enumerate(encoded)) == value


def test_envelope_says_each_resource_and_scope_once() -> None:
    """What many spans share travels once."""
    rows = [(b"R", b"S", b"1"), (b"R", b"T", b"2"), (b"R", b"S", b"3"), (b"Q", b"S", b"4")]
    sealed = seal(rows)
    assert sealed == wire.field(
        1,
        b"R"
        + wire.field(2, b"S" + wire.field(2, b"1") + wire.field(2, b"3"))
        + wire.field(2, b"T" + wire.field(2, b"2")),
    ) + wire.field(1, b"Q" + wire.field(2, b"S" + wire.field(2, b"4")))
