"""One question over HTTP, bounded in bytes and in time.

`http.client` waits anew for each piece of an answer, for ever if it comes in drops, and takes
milliseconds to import.
"""

import contextlib
import socket
import time
from typing import Final
from urllib.parse import quote, urlsplit

from spanloom_model import address

TIMEOUT_S: Final = 5.0
"""For all of it; an agent that knows nothing yet asks its collectors meanwhile."""
MOST_BYTES: Final = 1 << 20


class Question:
    """How a service should sample, asked of one address again and again, by one thread."""

    def __init__(self, endpoint: str, service: str, *, timeout_s: float = TIMEOUT_S) -> None:
        """Take the address apart; raises ValueError where it is none of HTTP."""
        url = urlsplit(endpoint)
        if url.scheme != "http" or not url.hostname:
            raise ValueError(f"an endpoint is like http://127.0.0.1:5778, not {endpoint!r}")
        self.endpoint = endpoint
        self._timeout_s = timeout_s
        self._host, self._port = url.hostname, url.port or 80
        target = f"{url.path.rstrip('/') or '/sampling'}?service={quote(service, safe='')}"
        # The old version, whose answers are never in chunks, and end with the connection.
        self._request = f"GET {target} HTTP/1.0\r\nHost: {url.netloc}\r\nConnection: close\r\n\r\n".encode()
        self._connection: socket.socket | None = None

    def ask(self) -> bytes:
        """The answer's body; raises OSError where there is none, ValueError where it is no good."""
        deadline_s = time.monotonic() + self._timeout_s
        family, where = address.resolve(self._host, self._port, socket.SOCK_STREAM)
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            self._connection = connection
            connection.settimeout(self._timeout_s)
            connection.connect(where)
            connection.sendall(self._request)
            return _body(_received(connection, deadline_s))

    def give_up(self) -> None:
        """Let the thread that waits for an answer wait no longer."""
        if self._connection is not None:
            with contextlib.suppress(OSError):  # it is over already
                self._connection.shutdown(socket.SHUT_RDWR)

    def forget(self) -> None:
        """Leave a connection to whoever has it: it is shared with a parent process."""
        self._connection = None


def _received(connection: socket.socket, deadline_s: float) -> bytes:
    received = bytearray()
    while len(received) <= MOST_BYTES:
        connection.settimeout(max(0.0, deadline_s - time.monotonic()))  # zero does not wait at all
        piece = connection.recv(65_536)
        if not piece:
            return bytes(received)
        received += piece
    raise ValueError(f"the answer is longer than {MOST_BYTES} bytes")


def _body(answer: bytes) -> bytes:
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.partition(b"\r\n")[0]
    if status.split(b" ")[1:2] != [b"200"]:
        raise ValueError(f"the answer is {status[:100]!r}, {body[:100]!r}")
    return body
