"""Request bodies, decompressed as far as the limit and no further: a bomb costs nothing."""

import io
import zlib

import zstandard

from spanloom_collector.refusal import TooLargeError, UnsupportedError
from spanloom_model.wire import MalformedError

_GZIP_WINDOW = 16 + zlib.MAX_WBITS


def decompressed(body: bytes, encoding: str, *, limit_bytes: int) -> bytes:
    """The body as the HTTP header Content-Encoding says it is encoded.

    Raises UnsupportedError for another encoding, MalformedError for damaged data and TooLargeError.
    """
    match encoding.strip().lower():
        case "" | "identity":
            data = body
        case "gzip":
            data = _gunzip(body, limit_bytes + 1)
        case "zstd":
            data = _unzstd(body, limit_bytes + 1)
        case other:
            raise UnsupportedError(f"content encoding {other[:40]!r} is none of gzip, zstd, identity")
    if len(data) > limit_bytes:
        raise TooLargeError(limit_bytes)
    return data


def _gunzip(body: bytes, most: int) -> bytes:
    unzip = zlib.decompressobj(_GZIP_WINDOW)
    try:
        data = unzip.decompress(body, most)
    except zlib.error as exc:
        raise MalformedError("the body is not gzip") from exc
    if len(data) < most and not unzip.eof:
        raise MalformedError("the gzip body ends too early")
    return data


def _unzstd(body: bytes, most: int) -> bytes:
    try:
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(body)) as reader:
            return reader.read(most)
    except zstandard.ZstdError as exc:
        raise MalformedError("the body is not zstd") from exc
