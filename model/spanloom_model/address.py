"""Where a part listens: `host:port`, bound before anything else starts."""

import errno
import socket
from typing import Any, Literal, TypeAlias

from spanloom_model.errors import MisconfiguredError

Kind: TypeAlias = Literal[socket.SocketKind.SOCK_STREAM, socket.SocketKind.SOCK_DGRAM]

_NAMES = {socket.SOCK_STREAM: "TCP", socket.SOCK_DGRAM: "UDP"}


def split(address: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:4318`, `localhost:4318` or `[::1]:4318`.

    Raises MisconfiguredError for anything else.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdecimal()) or int(port) > 65_535:
        raise MisconfiguredError(f"an address is host:port, as in 127.0.0.1:4318, not {address!r}")
    return host.strip("[]"), int(port)


def resolve(host: str, port: int, kind: socket.SocketKind) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
    """Family and socket address of a host; raises OSError where it has none.

    IPv4 goes before IPv6: what listens on `localhost` must be where others send to `localhost`, and
    UDP would not tell them of the difference.
    """
    # As bytes: for a string Python imports a codec, and a process forked meanwhile by another thread
    # would wait for that import for ever.
    found = socket.getaddrinfo(host.encode() if host.isascii() else host, port, type=kind)
    family, _, _, _, where = min(found, key=lambda one: one[0] is not socket.AF_INET)
    return family, where


def bind(address: str, kind: Kind, *, shared: bool = False) -> socket.socket:
    """A socket bound to the address, for TCP listening; port 0 lets the system choose.

    Processes that all bind a *shared* port take its connections in turn (SO_REUSEPORT). Raises
    MisconfiguredError where the port is taken or the host is not this machine's.
    """
    bound = _bound(address, kind, shared=shared)
    if kind is socket.SOCK_STREAM:
        bound.listen()  # only a listening socket keeps others off the port
    return bound


def reserve(address: str) -> socket.socket:
    """A TCP port that processes will share, held for them: it takes no connection itself.

    Raises MisconfiguredError as `bind` does, also where other processes share the port already.
    """
    with bind(address, socket.SOCK_STREAM) as probe:
        where = of(probe)
    return _bound(where, socket.SOCK_STREAM, shared=True)


def _bound(address: str, kind: Kind, *, shared: bool) -> socket.socket:
    host, port = split(address)
    bound: socket.socket | None = None
    try:
        family, where = resolve(host, port, kind)
        bound = socket.socket(family, kind)
        if kind is socket.SOCK_STREAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(where)
    except OSError as exc:
        if bound is not None:
            bound.close()
        raise MisconfiguredError(_sentence(address, kind, exc)) from exc
    return bound


def of(bound: socket.socket) -> str:
    """The address that a socket is bound to, with the port that the system chose."""
    host, port = bound.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _sentence(address: str, kind: socket.SocketKind, exc: OSError) -> str:
    if exc.errno == errno.EADDRINUSE:
        return f"{_NAMES[kind]} {address} is in use by another program"
    return f"cannot listen on {_NAMES[kind]} {address}: {exc.strerror}"
