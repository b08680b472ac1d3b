"""The load generator loses no request, whatever the answers are."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from benchmarks.corpus import Request
from benchmarks.loader import Load, RefusedError, send

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0.01\r\nContent-Length: 4\r\n\r\nbusy"
LAST = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
NO = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
CUT = b""


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """An address that gives these answers one after the other, then only good ones, and the bodies it got."""
    bodies: list[bytes] = []
    left = list(answers)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with closing(connection), closing(connection.makefile("rb")) as file:
                while b"POST" in file.readline():
                    size = 0
                    while (line := file.readline()) != b"\r\n":
                        if line.startswith(b"Content-Length:"):
                            size = int(line.partition(b":")[2])
                    bodies.append(file.read(size))
                    answer = left.pop(0) if left else OK
                    connection.sendall(answer)
                    if answer in {CUT, LAST}:
                        break

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}", bodies
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.parametrize("answers", [(), (BUSY, BUSY), (CUT,), (LAST,), (OK, BUSY, CUT, LAST)])
def test_every_request_is_acknowledged_once(answers: tuple[bytes, ...]) -> None:
    """What is refused for now, or cut off, is sent again."""
    made = [Request(b"%d" % number * 50_000, 10) for number in range(5)]
    with answering(*answers) as (address, bodies):
        load = send(iter(made), to=address, connections=1)
    assert load.spans == 50
    assert load.answers[200] == 5
    assert load.answers[429] == answers.count(BUSY)
    assert load.connected_again == answers.count(CUT)
    assert list(dict.fromkeys(bodies)) == [request.data for request in made]


def test_a_refusal_ends_it_with_what_was_acknowledged() -> None:
    """A wrong request is not sent for ever."""
    load = Load()
    with answering(OK, NO) as (address, _), pytest.raises(RefusedError, match="400"):
        send(iter([Request(b"a", 1)] * 5), to=address, connections=1, load=load)
    assert load.spans == 1


def test_the_pace_is_kept() -> None:
    """At 1,000 spans a second the last of 300 begins after 0.29 seconds."""
    made = [Request(b"a", 10)] * 30
    with answering() as (address, _):
        load = send(iter(made), to=address, connections=1, spans_a_second=1000)
    assert load.wall_s >= 0.29
