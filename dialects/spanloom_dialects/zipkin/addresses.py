"""Addresses as Zipkin keeps them: what is none is not there, what is IPv4 in disguise is IPv4."""

from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

from spanloom_dialects.zipkin.span import Endpoint

_MOST: Final = 64
"""No address is longer."""


def addresses(endpoint: Endpoint) -> tuple[str, str]:
    """The IPv4 and the IPv6 address of an endpoint; empty where there is none."""
    return _addresses((endpoint.ipv4 or "")[:_MOST], (endpoint.ipv6 or "")[:_MOST])


def is_address(text: str) -> bool:
    """Whether it is an address of either kind."""
    return any(_addresses(text[:_MOST], ""))


@lru_cache(2**12)
def _addresses(ipv4: str, ipv6: str) -> tuple[str, str]:
    found = _parsed(ipv4), _parsed(ipv6)
    return (
        next((str(one) for one in found if isinstance(one, IPv4Address)), ""),
        next((str(one) for one in found if isinstance(one, IPv6Address)), ""),
    )


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return IPv4Address(text)
    except AddressValueError:
        pass
    try:
        address = IPv6Address(text)
    except AddressValueError:
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if 1 < int(address) < 2**32:
        return IPv4Address(int(address))
    return address
