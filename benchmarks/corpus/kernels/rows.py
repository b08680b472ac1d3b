"""What kernels work on: spans as rows, operations as small programs that write them."""

from enum import IntEnum
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

SPAN: Final = np.dtype(
    [
        ("trace_high", "u8"),
        ("trace_low", "u8"),
        ("id", "u8"),
        ("parent", "u8"),
        ("start", "i8"),
        ("end", "i8"),
        ("seed", "u8"),  # of all that is random in this span alone
        ("exchange", "u8"),  # of what a client's and a server's span of one call have in common
        ("link_high", "u8"),
        ("link_low", "u8"),
        ("link_id", "u8"),
        ("order", "i8"),  # -1 is none
        ("user", "i4"),
        ("operation", "i2"),
        ("instance", "i2"),
        ("peer", "i2"),  # the instance at the other end; -1 is none
        ("thread", "i2"),
        ("error", "u1"),  # 1 began here, 2 came from a child
        ("event", "u1"),  # 1 has what its operation tells
        ("state", "u1"),  # 1 has a trace state
    ],
    align=True,
)
OPERATION: Final = np.dtype(
    [
        ("head", "i4"),  # name and kind on the wire
        ("head_size", "i4"),
        ("program", "i4"),
        ("program_end", "i4"),
        ("steps", "i4"),
        ("steps_end", "i4"),
        ("service", "i2"),
        ("scope", "i2"),
        ("role", "i2"),
        ("callee", "i2"),  # of a client's operation, the server's
        ("mu", "f8"),  # of the natural logarithm of its own time in ns
        ("sigma", "f8"),
        ("fails", "f8"),  # how often an error begins here
        ("tells", "f8"),  # how often it has its event
        ("event", "i2"),  # -1 is none
        ("failures", "i2"),  # its first event that is an exception
        ("failure_count", "i2"),
        ("order", "i2"),  # of a root: 1 makes an order, 2 is about an earlier one
    ],
    align=True,
)
STEP: Final = np.dtype([("chance", "f8"), ("operation", "i8")], align=True)
INSTRUCTION: Final = np.dtype(
    [
        ("code", "i2"),
        ("source", "i2"),
        ("place", "i4"),  # in the text
        ("size", "i4"),
        ("low", "i8"),
        ("high", "i8"),
    ],
    align=True,
)


class Role(IntEnum):
    """What a span does in a trace."""

    SERVER = 0
    CLIENT = 1
    LEAF = 2
    PRODUCER = 3
    CONSUMER = 4


class Code(IntEnum):
    """Instructions: attributes, the pieces of a string, and what leaves out some of what follows."""

    LITERAL = 0  # attributes as they are on the wire; high says how many
    INT = 1
    REAL = 2
    TRUTH = 3
    STRING = 4  # of the pieces that follow; high says how many
    TEXT = 5
    DECIMAL = 6  # size: how many digits at least
    HEX = 7  # size: how many digits
    CHOICE = 8  # one of the texts from place on
    ADDRESS = 9  # IPv4
    UNLESS_CHANCE = 10  # skip `size` instructions in low of 1,000 cases
    UNLESS_ORDER = 11  # skip `size` instructions where the trace has no order


class Source(IntEnum):
    """Where a value comes from."""

    RANDOM = 0  # from low up to high
    SHARED = 1  # the same at both ends of a call
    SKEWED = 2  # low ones often; the same at both ends of a call
    SIZE = 3  # lognormal around low
    USER = 4
    ORDER = 5
    CART = 6
    CART_VALUE = 7
    HTTP_STATUS = 8
    GRPC_STATUS = 9
    THREAD = 10
    PEER = 11
    BITS = 12
    OFFSET = 13
    HOME = 14  # the user's address
    HIT = 15
    UNIFORM = 16
    SECONDS = 17  # exponential around low microseconds
    PERMILLE = 18  # true in low of 1,000 cases
    DEADLINE = 19  # tenths of a second


class Count(IntEnum):
    """What is counted while writing."""

    SPANS = 0
    ATTRIBUTES = 1
    WITH_EVENTS = 2
    WITH_LINKS = 3
    ERRORS = 4


class State(IntEnum):
    """What lasts from one trace to the next."""

    NOW_NS = 0
    MADE = 1
    ORDERS = 2
    PRODUCERS = 3


class Tables(NamedTuple):
    """What all kernels read."""

    operations: npt.NDArray[Any]
    program: npt.NDArray[Any]
    steps: npt.NDArray[Any]
    roots: npt.NDArray[Any]
    """(cumulative chance, operation) of what traces begin with."""
    text: npt.NDArray[np.uint8]
    choices: npt.NDArray[np.int32]
    """(place, size) in the text."""
    events: npt.NDArray[np.int32]
    """(place of its name on the wire, size, program, its end)."""
    messages: npt.NDArray[np.int32]
    """(place, size) of a status on the wire."""
    resources: npt.NDArray[np.int32]
    """(place, size) on the wire, of an instance."""
    scopes: npt.NDArray[np.int32]
    hosts: npt.NDArray[np.int64]
    """Of an instance."""


TREE: Final = np.dtype(
    [
        ("exchange", "u8"),
        ("id", "u8"),
        ("parent", "i8"),
        ("operation", "i8"),
        ("instance", "i8"),
        ("peer", "i8"),
        ("thread", "i8"),
        ("own", "i8"),  # ns that it takes itself
        ("inside", "i8"),  # ns that its children take
        ("start", "i8"),
        ("next", "i8"),  # where its next child may begin
        ("children", "i8"),
        ("open", "i8"),  # numbers of spans that call others, in order; no field of this row's span
        ("abreast", "u1"),  # its children run at the same time
        ("error", "u1"),
    ],
    align=True,
)
