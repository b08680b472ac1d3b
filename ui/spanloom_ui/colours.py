"""Each service has a colour of its own, the same on every page."""

from zlib import crc32

COUNT = 24
"""`styles/services.css` defines that many classes."""

_SALT = b"aabq:"
"""Chosen so that the demo shop's services lie at least two colours apart."""


def service_class(service: str) -> str:
    """The CSS class that colours *service*; the name is always shown beside it, since two may share one."""
    return f"service-{crc32(_SALT + service.encode(errors='replace')) % COUNT}"
