"""HTTP/1.1 and gRPC of a client, as much of them as sending spans takes, with little work of its own."""

import socket
from typing import Any, Final, Protocol, Self

import grpc

TIMEOUT_S: Final = 60.0


class Sends(Protocol):
    """One that posts requests and waits for each answer."""

    def post(self, body: bytes) -> tuple[int, bytes]:
        """(status, head of the answer in small letters); raises ConnectionError where none comes."""

    def again(self) -> None:
        """Begin anew."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Connection:
    """Over HTTP."""

    def __init__(
        self, to: str, *, path: str = "/v1/traces", content_type: str = "application/x-protobuf"
    ) -> None:
        host, _, port = to.rpartition(":")
        self._address = (host, int(port))
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: {to}\r\nContent-Type: {content_type}\r\nContent-Length: "
        ).encode()
        self._open()

    def _open(self) -> None:
        self._socket = socket.create_connection(self._address, TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def again(self) -> None:
        """Begin anew."""
        self.close()
        self._open()

    def close(self) -> None:
        """End it."""
        self._socket.close()

    def post(self, body: bytes) -> tuple[int, bytes]:
        """(status, head of the answer in small letters)."""
        head = self._head + b"%d\r\n\r\n" % len(body)
        sent = self._socket.sendmsg((head, body))
        whole = len(head) + len(body)
        if sent < len(head):
            self._socket.sendall(head[sent:])
            sent = len(head)
        if sent < whole:
            self._socket.sendall(memoryview(body)[sent - len(head) :])
        return self._answer()

    def _answer(self) -> tuple[int, bytes]:
        data = self._receive()
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._receive()
        head = data[:end].lower()
        missing = int(header(head, b"content-length") or 0) - (len(data) - end - 4)
        while missing > 0:
            missing -= len(self._receive())
        if header(head, b"connection") == b"close":
            self.again()
        return int(head[9:12]), head

    def _receive(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionResetError("it was closed before the answer was there")
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class GrpcConnection:
    """Over gRPC, whose status of success is 200 here."""

    def __init__(self, to: str, *, method: str) -> None:
        self._to = to
        self._method = method
        self._open()

    def _open(self) -> None:
        self._channel = grpc.insecure_channel(self._to, options=[("grpc.use_local_subchannel_pool", 1)])
        self._call: Any = self._channel.unary_unary(f"/{self._method}")

    def again(self) -> None:
        """Begin anew."""
        self._channel.close()
        self._open()

    def post(self, body: bytes) -> tuple[int, bytes]:
        """(200, or 429 where it is to be sent again)."""
        try:
            self._call(body, timeout=TIMEOUT_S)
        except grpc.RpcError as exc:
            code = exc.code()
            if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
                return 429, b""
            raise ConnectionError(str(code)) from exc
        return 200, b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()


def header(head: bytes, name: bytes) -> bytes:
    """A header's value, of a head in small letters; empty where it is not there."""
    at = head.find(b"\r\n" + name + b":")
    if at < 0:
        return b""
    begin = at + len(name) + 3
    end = head.find(b"\r\n", begin)
    return head[begin : end if end >= 0 else None].strip()
