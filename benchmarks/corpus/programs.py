"""Attributes as data, put together into the programs that kernels run."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from benchmarks.corpus.kernels.rows import INSTRUCTION, Code, Source
from spanloom_model import wire

_ATTRIBUTE: Final = {"span": 9, "event": 3, "resource": 1}
"""The number of the field that has them."""


class Number(NamedTuple):
    """A whole number, of an attribute or within a string."""

    source: Source
    low: int = 0
    high: int = 0


_NONE: Final = Number(Source.BITS)


class Padded(NamedTuple):
    """A number within a string: in so many digits."""

    number: Number
    width: int
    code: Code = Code.DECIMAL


class OneOf(NamedTuple):
    """A text within a string, chosen by a number below how many there are."""

    number: Number
    texts: tuple[str, ...]


class Address(NamedTuple):
    """An IPv4 address within a string."""

    number: Number


class Words(NamedTuple):
    """A string of pieces."""

    pieces: tuple["str | Number | Padded | OneOf | Address", ...]


class Real(NamedTuple):
    """A double."""

    source: Source
    low: int = 0


class Truth(NamedTuple):
    """A bool."""

    source: Source = Source.PERMILLE
    low: int = 500


Value = str | bool | int | Number | Words | Real | Truth


class Maybe(NamedTuple):
    """Attributes that a span has in so many of 1,000 cases."""

    permille: int
    attributes: tuple[tuple[str, Value], ...]


class WithOrder(NamedTuple):
    """Attributes that a span has where its trace is about an order."""

    attributes: tuple[tuple[str, Value], ...]


Attributes = Iterable[tuple[str, Value] | Maybe | WithOrder]


def words(*pieces: str | Number | Padded | OneOf | Address) -> Words:
    """A string of pieces, those that are empty left out."""
    return Words(tuple(piece for piece in pieces if piece != ""))


def pair(key: str, value: str | int, owner: str) -> bytes:
    """A constant attribute on the wire; of a span, an event or a resource."""
    match value:
        case bool():
            scalar = b"\x10" + wire.varint(value)
        case int():
            scalar = b"\x18" + wire.varint(value)
        case _:
            scalar = wire.field(1, value.encode())
    return wire.field(_ATTRIBUTE[owner], wire.field(1, key.encode()) + wire.field(2, scalar))


@dataclass
class Assembler:
    """Gathers texts and instructions."""

    text: bytearray = field(default_factory=bytearray)
    choices: list[tuple[int, int]] = field(default_factory=list)
    instructions: list[tuple[int, ...]] = field(default_factory=list)
    _places: dict[bytes, int] = field(default_factory=dict)
    _tables: dict[tuple[str, ...], int] = field(default_factory=dict)

    def put(self, data: bytes) -> tuple[int, int]:
        """(place, size) of a text."""
        place = self._places.get(data)
        if place is None:
            place = self._places[data] = len(self.text)
            self.text += data
        return place, len(data)

    def program(self, attributes: Attributes, owner: str = "span") -> tuple[int, int]:
        """(begin, end) of the instructions that write these."""
        begin = len(self.instructions)
        constant: list[bytes] = []
        for attribute in attributes:
            match attribute:
                case Maybe(permille, several):
                    self._literal(constant)
                    self._optional(Code.UNLESS_CHANCE, permille, several, owner)
                case WithOrder(several):
                    self._literal(constant)
                    self._optional(Code.UNLESS_ORDER, 0, several, owner)
                case (str() as key, value):
                    if isinstance(value, str | int):
                        constant.append(pair(key, value, owner))
                    else:
                        self._literal(constant)
                        self._attribute(key, value)
        self._literal(constant)
        return begin, len(self.instructions)

    def table(self) -> np.ndarray[tuple[int], np.dtype[np.void]]:
        """All instructions."""
        return np.array(self.instructions, INSTRUCTION)

    def _add(self, code: Code, number: Number = _NONE, place: int = 0, size: int = 0) -> None:
        self.instructions.append((code, number.source, place, size, number.low, number.high))

    def _literal(self, constant: list[bytes]) -> None:
        """What has been gathered, as one piece."""
        if constant:
            place, size = self.put(b"".join(constant))
            self._add(Code.LITERAL, Number(Source.BITS, high=len(constant)), place, size)
            constant.clear()

    def _optional(self, code: Code, permille: int, attributes: Attributes, owner: str) -> None:
        at = len(self.instructions)
        self._add(code, Number(Source.BITS, low=permille))
        self.program(attributes, owner)
        size = len(self.instructions) - at - 1
        self.instructions[at] = (*self.instructions[at][:3], size, *self.instructions[at][4:])

    def _attribute(self, key: str, value: Number | Words | Real | Truth) -> None:
        place, size = self.put(wire.field(1, key.encode()))
        match value:
            case Number():
                self._add(Code.INT, value, place, size)
            case Real(source, low):
                self._add(Code.REAL, Number(source, low), place, size)
            case Truth(source, low):
                self._add(Code.TRUTH, Number(source, low), place, size)
            case Words(pieces):
                self._add(Code.STRING, Number(Source.BITS, high=len(pieces)), place, size)
                for piece in pieces:
                    self._piece(piece)

    def _piece(self, piece: str | Number | Padded | OneOf | Address) -> None:
        match piece:
            case str():
                self._add(Code.TEXT, _NONE, *self.put(piece.encode()))
            case Number():
                self._add(Code.DECIMAL, piece, size=1)
            case Padded(number, width, code):
                self._add(code, number, size=width)
            case OneOf(number, texts):
                self._add(Code.CHOICE, number, place=self._choices(texts))
            case Address(number):
                self._add(Code.ADDRESS, number)

    def _choices(self, texts: tuple[str, ...]) -> int:
        """Where a table of texts begins among the choices."""
        place = self._tables.get(texts)
        if place is None:
            place = self._tables[texts] = len(self.choices)
            self.choices += [self.put(text.encode()) for text in texts]
        return place
