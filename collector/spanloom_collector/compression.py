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

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """At most so much of it."""


def _gunzip() -> Decompressor:
    return zlib.decompressobj(16 + zlib.MAX_WBITS)


_DECOMPRESSORS: Final[dict[str, Callable[[], Decompressor]]] = {
    "gzip": _gunzip,
    "zstd": zstd.ZstdDecompressor,
}


def decompressed(body: bytes, encoding: str, *, limit_bytes: int) -> bytes:
    """The body as the HTTP header Content-Encoding says it is encoded.

    Raises UnsupportedError for another encoding, MalformedError for damaged data and TooLargeError.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return body
    if name not in _DECOMPRESSORS:
        raise UnsupportedError(f"content encoding {name[:40]!r} is none of gzip, zstd, identity")
    try:
        return _all_members(body, _DECOMPRESSORS[name], limit_bytes)
    except (zlib.error, zstd.ZstdError) as exc:
        raise MalformedError(f"the body is not {name}") from exc


def _all_members(body: bytes, new: Callable[[], Decompressor], limit_bytes: int) -> bytes:
    """Both formats allow several members one after the other; each must be whole."""
    data = bytearray()
    while body:
        one = new()
        data += one.decompress(body, limit_bytes + 1 - len(data))
        if len(data) > limit_bytes:
            raise TooLargeError(limit_bytes)
        if not one.eof:
            raise MalformedError("the compressed body ends too early")
        body = one.unused_data
    return bytes(data)
