"""Request bodies, decompressed as far as the limit and no further: a bomb costs nothing."""

import sys
import zlib
from collections.abc import Callable
from typing import Final, Protocol

from spanloom_collector.refusal import TooLargeError, UnsupportedError
from spanloom_model.wire import MalformedError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


class Decompressor(Protocol):
    """What zlib's and zstd's decompressors of one member or frame have in common."""

    @property
    def eof(self) -> bool:
        """Whether the end of the member was seen."""

    @property
    def unused_data(self) -> bytes:
        """What came behind it."""

    def decompress(self, data: memoryview, max_length: int, /) -> bytes:
        """At most so much of it."""


def _gunzip(_: bytes) -> Decompressor:
    return zlib.decompressobj(16 + zlib.MAX_WBITS)


def _unzstd(_: bytes) -> Decompressor:
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})


def _inflate(first: bytes) -> Decompressor:
    """RFC 9110 says that "deflate" is zlib's format, but some send its raw contents, without the header."""
    has_header = len(first) > 1 and first[0] & 0x0F == zlib.DEFLATED and (first[0] << 8 | first[1]) % 31 == 0
    return zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)


_WINDOW_LOG: Final = 23
"""RFC 9659: whoever sends zstd over HTTP must not ask for a window of more than 8 MB."""

_DECOMPRESSORS: Final[dict[str, Callable[[bytes], Decompressor]]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "zstd": _unzstd,
    "deflate": _inflate,
    "zlib": _inflate,
}
NONE: Final = frozenset({"", "identity"})

_PIECE_BYTES: Final = 2**16
_MOST_MEMBERS: Final = 1000
"""A mass of empty members takes longer to look at than it is worth."""


def decompressed(body: bytes, encoding: str, *, limit_bytes: int) -> bytes:
    """The body as the HTTP header Content-Encoding says it is encoded.

    Raises UnsupportedError for another encoding, MalformedError for damaged data and TooLargeError.
    """
    name = encoding.strip().lower()
    if name in NONE:
        return body
    if name not in _DECOMPRESSORS:
        raise UnsupportedError(f"content encoding {name[:40]!r} is none of gzip, zstd, deflate, identity")
    try:
        return _all_members(memoryview(body), _DECOMPRESSORS[name], limit_bytes)
    except (zlib.error, zstd.ZstdError) as exc:
        raise MalformedError(f"the body is not {name}") from exc


def _all_members(body: memoryview, new: Callable[[bytes], Decompressor], limit_bytes: int) -> bytes:
    """The formats allow several members one after the other; each must be whole."""
    data = bytearray()
    at = members = 0
    while at < len(body):
        members += 1
        if members > _MOST_MEMBERS:
            raise MalformedError(f"the compressed body has more than {_MOST_MEMBERS} members")
        one = new(bytes(body[at : at + 2]))
        while not one.eof:
            piece = body[at : at + _PIECE_BYTES]
            if not piece:
                raise MalformedError("the compressed body ends too early")
            data += one.decompress(piece, limit_bytes + 1 - len(data))
            if len(data) > limit_bytes:
                raise TooLargeError(limit_bytes)
            at += len(piece) - len(one.unused_data)
    return bytes(data)
