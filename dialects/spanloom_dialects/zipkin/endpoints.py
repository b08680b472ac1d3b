"""The two sides of a Zipkin span as attributes; few endpoints make most spans, so they are cached."""

from functools import lru_cache
from typing import Final, NamedTuple

from spanloom_dialects import otlp
from spanloom_dialects.zipkin import names
from spanloom_dialects.zipkin.addresses import addresses
from spanloom_dialects.zipkin.ids import InvalidSpanError
from spanloom_dialects.zipkin.span import Endpoint

MAX_PORT: Final = 65535

_CACHED: Final = 2**12
_CACHED_CHARS: Final = 256
"""Longer names are seldom met twice, and must not fill the cache."""


class Side(NamedTuple):
    """An endpoint as OTLP."""

    resource: bytes
    """Of the local one: the `resource` field of a ResourceSpans, tag included, or nothing."""

    values: tuple[tuple[str, bytes], ...]
    """Names of attributes, and contents of AnyValues."""

    pairs: tuple[bytes, ...]
    """The same as delimited KeyValues."""


def local(endpoint: Endpoint) -> Side:
    """The host that made a span. Raises InvalidSpanError for a port that is none."""
    return (_cached_local if _is_short(endpoint) else _local)(endpoint)


def remote(endpoint: Endpoint) -> Side:
    """The host that it spoke with. Raises InvalidSpanError for a port that is none."""
    return (_cached_remote if _is_short(endpoint) else _remote)(endpoint)


def _is_short(endpoint: Endpoint) -> bool:
    texts = (endpoint.service_name, endpoint.ipv4, endpoint.ipv6)
    return all(text is None or len(text) < _CACHED_CHARS for text in texts)


def _local(endpoint: Endpoint) -> Side:
    name = (endpoint.service_name or "").lower().encode()
    resource = otlp.resource([otlp.string_pair(names.SERVICE_NAME.encode(), name)]) if name else b""
    return _side(resource, _values(endpoint, names.HOST_IP, names.HOST_IPV6, names.HOST_PORT))


def _remote(endpoint: Endpoint) -> Side:
    name = (endpoint.service_name or "").lower().encode()
    values = _values(endpoint, names.PEER_IP, names.PEER_IPV6, names.PEER_PORT)
    return _side(b"", [(names.PEER_SERVICE, otlp.string(name)), *values] if name else values)


_cached_local: Final = lru_cache(_CACHED)(_local)
_cached_remote: Final = lru_cache(_CACHED)(_remote)


def _side(resource: bytes, values: list[tuple[str, bytes]]) -> Side:
    pairs = tuple(otlp.pair(name.encode(), value) for name, value in values)
    return Side(resource, tuple(values), pairs)


def _values(endpoint: Endpoint, ip: str, second_ip: str, port: str) -> list[tuple[str, bytes]]:
    ipv4, ipv6 = addresses(endpoint)
    values = []
    if ipv4 or ipv6:
        values.append((ip, otlp.string((ipv4 or ipv6).encode())))
    if ipv4 and ipv6:
        values.append((second_ip, otlp.string(ipv6.encode())))
    number = endpoint.port or 0
    if number > MAX_PORT:
        raise InvalidSpanError("a bad port", f"invalid port {number}")
    if number > 0:
        values.append((port, otlp.integer(number)))
    return values
