"""Many datagrams at once out of a socket, into memory that was set aside for them.

recvmmsg(2) takes a batch for little more than the price of one call. Python has no name for it, so
it is called through ctypes; where the system has none, one datagram is received after the other.
"""

import contextlib
import ctypes
import socket
import sys
from typing import Final, Protocol

COUNT: Final = 32
"""How many datagrams at once: a call then costs next to nothing for each."""
SLOT_BYTES: Final = 2**16
"""More than any datagram has."""


class Slots(Protocol):
    """Room for COUNT datagrams, SLOT_BYTES apart."""

    buffer: bytearray

    def receive(self, udp: socket.socket) -> list[int]:
        """Fill the slots from the first on; the length of each datagram, empty where none waits.

        What a slot has beyond its datagram's length is of an earlier one.
        """
        ...


def slots() -> Slots:
    """The fastest that this system has."""
    if sys.platform == "linux":
        return RecvmmsgSlots()
    return PlainSlots()


class PlainSlots:
    """One call for each datagram: works everywhere."""

    def __init__(self) -> None:
        self.buffer = bytearray(COUNT * SLOT_BYTES)
        whole = memoryview(self.buffer)
        self._slots = [whole[at : at + SLOT_BYTES] for at in range(0, len(whole), SLOT_BYTES)]

    def receive(self, udp: socket.socket) -> list[int]:
        """See Slots."""
        lengths: list[int] = []
        with contextlib.suppress(OSError):  # nothing more waits
            for slot in self._slots:
                lengths += (udp.recv_into(slot),)
        return lengths


class _Piece(ctypes.Structure):
    """`struct iovec`."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """`struct msghdr`."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("pieces", ctypes.POINTER(_Piece)),
        ("piece_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """`struct mmsghdr`."""

    _fields_ = (("header", _Header), ("length", ctypes.c_uint32))


def messages_at(start: int, count: int, step: int) -> ctypes.Array[_Message]:
    """What recvmmsg(2) and sendmmsg(2) take: *count* messages in memory from *start*, *step* bytes each."""
    messages = (_Message * count)()
    for number, message in enumerate(messages):
        message.header.pieces = ctypes.pointer(_Piece(start + number * step, step))
        message.header.piece_count = 1
    return messages


class RecvmmsgSlots:
    """One call for up to COUNT datagrams, on Linux."""

    def __init__(self) -> None:
        self.buffer = bytearray(COUNT * SLOT_BYTES)
        self._pinned = (ctypes.c_char * len(self.buffer)).from_buffer(self.buffer)
        start = ctypes.addressof(self._pinned)
        self._messages = messages_at(start, COUNT, SLOT_BYTES)
        numbers = memoryview(self._messages).cast("B").cast("I")
        step = ctypes.sizeof(_Message) // 4
        self._lengths = numbers[_Message.length.offset // 4 :: step]
        self._receive = ctypes.CDLL(None).recvmmsg
        self._receive.argtypes = [
            ctypes.c_int,
            ctypes.c_void_p,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_void_p,
        ]
        self._at = ctypes.addressof(self._messages)

    def receive(self, udp: socket.socket) -> list[int]:
        """See Slots."""
        count = self._receive(udp.fileno(), self._at, COUNT, socket.MSG_DONTWAIT, None)
        return self._lengths[:count].tolist() if count > 0 else []
