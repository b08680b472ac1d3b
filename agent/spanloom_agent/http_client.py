"""HTTP/1.1 to one server, as much of it as an agent needs, over asyncio's streams and h11.

A client library takes a millisecond of CPU for each request, most of what the agent has for a thousand
datagrams; this takes a tenth of it. No proxies, no redirects, no cookies.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias
from urllib.parse import urlsplit

import h11

from spanloom_model.errors import MisconfiguredError

READ_BYTES: Final = 2**16


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server has said."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    """By name, in small letters."""
    body: bytes = b""


class Client(Protocol):
    """Talks to one server."""

    async def request(
        self, method: str, target: str, headers: Mapping[str, str], pieces: Sequence[bytes], timeout_s: float
    ) -> Answer:
        """Send a request whose body is in *pieces*. Raises OSError where no answer comes in time."""
        ...

    async def close(self) -> None:
        """Let the server go."""
        ...


Connect: TypeAlias = Callable[[str], Client]
"""Makes a client of the server at a URL; raises MisconfiguredError where it is none."""


class HttpClient:
    """A client over the network, with as many connections as there are requests at once."""

    def __init__(self, url: str) -> None:
        host, port, self._tls, self._path = _parts(url)
        self._address = (host, port)
        self._host = urlsplit(url).netloc.rpartition("@")[2]
        self._idle: list[_Connection] = []
        self._context: ssl.SSLContext | None = None

    async def request(
        self, method: str, target: str, headers: Mapping[str, str], pieces: Sequence[bytes], timeout_s: float
    ) -> Answer:
        """See Client."""
        length = {"Content-Length": str(sum(map(len, pieces)))} if pieces else {}
        head = h11.Request(
            method=method,
            target=self._path + target,
            headers=list({"Host": self._host, **headers, **length}.items()),
        )
        try:
            async with asyncio.timeout(timeout_s):
                return await self._exchange(head, pieces)
        except (h11.ProtocolError, EOFError) as exc:
            raise ConnectionError(f"no answer of HTTP: {exc}") from exc

    async def close(self) -> None:
        """See Client."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    async def _exchange(self, head: h11.Request, pieces: Sequence[bytes]) -> Answer:
        while self._idle:
            connection = self._idle.pop()
            try:
                return await self._over(connection, head, pieces)
            except (ConnectionError, EOFError):
                continue  # servers close what was idle for a while, at any moment
        return await self._over(await self._connected(), head, pieces)

    async def _over(self, connection: "_Connection", head: h11.Request, pieces: Sequence[bytes]) -> Answer:
        try:
            answer = await connection.exchange(head, pieces)
        except BaseException:
            connection.close()
            raise
        if connection.reusable():
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    async def _connected(self) -> "_Connection":
        if self._tls and self._context is None:
            self._context = ssl.create_default_context()
        return _Connection(*await asyncio.open_connection(*self._address, ssl=self._context))


class _Connection:
    """One connection, for one request after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)

    async def exchange(self, head: h11.Request, pieces: Sequence[bytes]) -> Answer:
        """Raises ConnectionError or EOFError where the server has gone."""
        if self._reader.at_eof():
            raise EOFError("the server has closed the connection")
        try:
            await self._send(head, pieces)
        except ConnectionError:
            # It may have answered before it closed, as one that finds a request too large.
            return await self._answer()
        return await self._answer()

    def reusable(self) -> bool:
        """Whether another request may follow."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            return True
        return False

    def close(self) -> None:
        """End it at once."""
        self._writer.transport.abort()

    async def _send(self, head: h11.Request, pieces: Sequence[bytes]) -> None:
        self._writer.write(self._http.send(head) or b"")
        for piece in pieces:
            for data in self._http.send_with_data_passthrough(h11.Data(data=piece)) or ():
                self._writer.write(data)
            await self._writer.drain()
        self._writer.write(self._http.send(h11.EndOfMessage()) or b"")
        await self._writer.drain()

    async def _answer(self) -> Answer:
        status, headers, body = 0, {}, []
        while not isinstance(event := self._http.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                status = event.status_code
                headers = {name.decode("ascii"): value.decode("latin-1") for name, value in event.headers}
            elif isinstance(event, h11.Data):
                body.append(bytes(event.data))
            elif event is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(READ_BYTES))
            elif isinstance(event, h11.ConnectionClosed):
                raise EOFError("the server has closed the connection")
        return Answer(status, headers, b"".join(body))


def _parts(url: str) -> tuple[str, int, bool, str]:
    """(host, port, whether with TLS, path without a slash at its end)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise MisconfiguredError(f"a collector's address is a URL, as in http://127.0.0.1:4318, not {url!r}")
    tls = parts.scheme == "https"
    return parts.hostname, port or (443 if tls else 80), tls, parts.path.rstrip("/")
