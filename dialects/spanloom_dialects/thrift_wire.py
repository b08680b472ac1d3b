"""Thrift's encodings, read by Apache's library straight into what the translation makes of each struct.

The library builds a struct by calling the class in its specification with the fields that were there.
For a subclass of TFrozenBase that is all it does, so `__new__` may return what it likes, here pieces of
OTLP: no objects in between. A field that is needed and not there is a TypeError, which also keeps bytes
that say nothing from becoming many objects.

Its C code refuses lengths beyond the limits set here, and nesting beyond its own, before it allocates.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any, Final

from thrift.protocol import fastbinary
from thrift.protocol.TBase import TFrozenBase
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.protocol.TCompactProtocol import TCompactProtocol
from thrift.Thrift import TException, TType
from thrift.transport.TTransport import TMemoryBuffer

from spanloom_dialects.errors import DialectError
from spanloom_model.wire import TooManySpansError

ERRORS: Final = (EOFError, MemoryError, OverflowError, TException, TypeError, ValueError)
"""What reading raises on bytes that are not what they are said to be."""


class Encoding(Enum):
    """How a Thrift message is written."""

    BINARY = "binary"
    COMPACT = "compact"


class Struct(TFrozenBase):  # type: ignore[misc]  # the library has no types
    """A struct: `thrift_spec` says what its fields are, `__new__` what becomes of them."""

    thrift_spec: tuple[Any, ...] = ()


def becomes(*fields: tuple[Any, ...]) -> Callable[[Callable[..., Any]], type[Struct]]:
    """Decorate a function that says what becomes of a struct with such *fields*, given by keyword."""
    numbered = {field[0]: field for field in fields}
    specification = tuple(numbered.get(number) for number in range(max(numbered) + 1))

    def decorate(function: Callable[..., Any]) -> type[Struct]:
        return type(function.__name__, (Struct,), {"thrift_spec": specification, "__new__": function})

    return decorate


def i16(number: int, name: str) -> tuple[Any, ...]:
    """A field of 16 bits, signed."""
    return (number, TType.I16, name, None, None)


def i32(number: int, name: str) -> tuple[Any, ...]:
    """A field of 32 bits, signed."""
    return (number, TType.I32, name, None, None)


def i64(number: int, name: str) -> tuple[Any, ...]:
    """A field of 64 bits, signed."""
    return (number, TType.I64, name, None, None)


def double(number: int, name: str) -> tuple[Any, ...]:
    """A floating-point field."""
    return (number, TType.DOUBLE, name, None, None)


def boolean(number: int, name: str) -> tuple[Any, ...]:
    """A field that is true or false."""
    return (number, TType.BOOL, name, None, None)


def data(number: int, name: str) -> tuple[Any, ...]:
    """A string or bytes: what is said to be text need not be UTF-8, and must not cost its neighbours."""
    return (number, TType.STRING, name, "BINARY", None)


def struct(number: int, name: str, of: type[Struct]) -> tuple[Any, ...]:
    """A field that is a struct."""
    return (number, TType.STRUCT, name, [of, of.thrift_spec], None)


def structs(number: int, name: str, of: type[Struct]) -> tuple[Any, ...]:
    """A list of structs."""
    return (number, TType.LIST, name, (TType.STRUCT, [of, of.thrift_spec], False), None)


class Reader:
    """Reads a Thrift message once, from its beginning."""

    def __init__(self, message: bytes, encoding: Encoding) -> None:
        protocol, self._decode = {
            Encoding.BINARY: (TBinaryProtocol, fastbinary.decode_binary),
            Encoding.COMPACT: (TCompactProtocol, fastbinary.decode_compact),
        }[encoding]
        self._protocol = protocol(
            TMemoryBuffer(message),
            string_length_limit=len(message),
            container_length_limit=len(message),
        )

    def name(self) -> str:
        """What a message says it is, before its arguments."""
        try:
            name, _, _ = self._protocol.readMessageBegin()
        except ERRORS as exc:
            raise DialectError(f"not a Thrift message: {_reason(exc)}") from exc
        return str(name)

    def struct(self, of: type[Struct]) -> Any:
        """What the class makes of the struct that begins here.

        Raises DialectError where it is none, or lacks what it needs.
        """
        try:
            return self._decode(None, self._protocol, [of, of.thrift_spec])
        except ERRORS as exc:
            raise DialectError(f"malformed Thrift: {_reason(exc)}") from exc

    def structs(self, of: type[Struct], *, most: int) -> list[Any]:
        """What the class makes of each struct of the list that begins here; errors as of `struct`.

        Raises TooManySpansError before it reads a list of more.
        """
        try:
            kind, count = self._protocol.readListBegin()
        except ERRORS as exc:
            raise DialectError(f"malformed Thrift: {_reason(exc)}") from exc
        if count and kind != TType.STRUCT:
            raise DialectError(f"a list of type {kind} instead of structs")
        if count > most:
            raise TooManySpansError(most)
        return [self.struct(of) for _ in range(count)]


def written(value: object, of: type[Struct], encoding: Encoding) -> bytes:
    """A struct with the attributes that its fields are called by; what is None is left out."""
    encode = fastbinary.encode_binary if encoding is Encoding.BINARY else fastbinary.encode_compact
    return bytes(encode(value, [of, of.thrift_spec]))


def _reason(exc: BaseException) -> str:
    return str(exc) or "it ends too early"
