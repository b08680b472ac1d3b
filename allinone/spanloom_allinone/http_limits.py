"""What a connection over HTTP may take before there is a request that an application could judge."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

_ANSWER: Final = (
    "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n"
    "Connection: close\r\nRetry-After: 1\r\n\r\n{text}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """The limits of one port."""

    max_header_bytes: int
    max_connections: int
    idle_s: float
    refused: Callable[[str], None]
    """Called for each connection that is ended with the reason: connections, header, malformed, idle."""

    def protocol(self) -> Any:
        """What uvicorn makes for each connection."""
        return partial(_LimitedProtocol, self)


class _LargeHeadError(Exception):
    """Through the parser, to `send_400_response`."""


class _LimitedProtocol(HttpToolsProtocol):
    def __init__(
        self, limits: HttpLimits, config: uvicorn.Config, server_state: ServerState, **rest: Any
    ) -> None:
        super().__init__(config=config, server_state=server_state, **rest)
        self._limits = limits
        self._heard_s = self.loop.time()
        self._unheard_bytes = 0
        """What has come since the last head or piece of a body was whole: heads, trailers, chunk sizes."""
        self._is_whole = True
        """Whether a request has come to its end, and its answer may take its time."""
        self._is_head_large = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > self._limits.max_connections:
            self._refuse("connections", "503 Service Unavailable", "too many connections are open")
            return
        self._is_whole = False
        self._look_later()

    def data_received(self, data: bytes) -> None:
        self._heard_s = self.loop.time()
        self._unheard_bytes += len(data)
        super().data_received(data)
        if self._unheard_bytes > self._limits.max_header_bytes and not self.transport.is_closing():
            self._refuse_header()

    def on_message_begin(self) -> None:
        self._is_whole = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._unheard_bytes = 0
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self._limits.max_header_bytes:
            self._is_head_large = True
            raise _LargeHeadError
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unheard_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unheard_bytes = 0
        self._is_whole = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if self._is_head_large:
            self._refuse_header()
            return
        self._limits.refused("malformed")
        super().send_400_response(msg)

    def _refuse_header(self) -> None:
        most = self._limits.max_header_bytes
        text = f"the head of the request is larger than {most} bytes"
        self._refuse("header", "431 Request Header Fields Too Large", text)

    def _refuse(self, reason: str, status: str, text: str) -> None:
        self._limits.refused(reason)
        self.transport.write(_ANSWER.format(status=status, length=len(text), text=text).encode())
        self.transport.close()

    def _look_later(self) -> None:
        self.loop.call_later(self._limits.idle_s, self._look)

    def _look(self) -> None:
        """End the connection if a request does not come to its end; after one, uvicorn sees to that."""
        if self.transport.is_closing():
            return
        silent_s = self.loop.time() - self._heard_s
        if self._is_whole or self.flow.read_paused or silent_s < self._limits.idle_s:
            self._look_later()
            return
        self._limits.refused("idle")
        self.transport.close()
