"""What stands for an agent that tells how to sample: as polite, or as rude, as a test wants."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from spanloom_model import address


def probabilistic(rate: float) -> dict[str, Any]:
    """One probability for all."""
    return {"strategyType": "PROBABILISTIC", "probabilisticSampling": {"samplingRate": rate}}


def rate_limiting(per_second: int) -> dict[str, Any]:
    """So many a second."""
    return {"strategyType": 1, "rateLimitingSampling": {"maxTracesPerSecond": per_second}}


def operations(default: float, at_least: float = 0, **rates: float) -> dict[str, Any]:
    """A probability for each operation."""
    return {
        **probabilistic(0.5),
        "operationSampling": {
            "defaultSamplingProbability": default,
            "defaultLowerBoundTracesPerSecond": at_least,
            "perOperationStrategies": [
                {"operation": name, "probabilisticSampling": {"samplingRate": rate}}
                for name, rate in rates.items()
            ],
        },
    }


def answered(body: bytes, status: str = "200 OK") -> bytes:
    """An answer as HTTP has it."""
    return f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n\r\n".encode() + body


class Strategies:
    """Answers each question with what was last said, and remembers what was asked."""

    def __init__(self, listening: socket.socket) -> None:
        self.endpoint = f"http://{address.of(listening)}"
        self.asked: list[str] = []
        self.answer: Callable[[socket.socket], object] = lambda _: None
        """What is done with a connection before it is closed."""
        self._listening = listening

    def say(self, strategy: object) -> None:
        """Answer in JSON from now on."""
        self.say_bytes(answered(json.dumps(strategy).encode()))

    def say_bytes(self, answer: bytes) -> None:
        """Answer with exactly this from now on."""
        self.answer = lambda connection: connection.sendall(answer)

    def wait_for(self, questions: int) -> None:
        """Return once so many were asked; fails after ten seconds."""
        until(lambda: len(self.asked) >= questions)

    def serve(self) -> None:
        """Answer until nobody listens any more."""
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                with connection, suppress(OSError):
                    connection.settimeout(10)
                    self.asked.append(connection.recv(65_536).split(b"\r\n")[0].decode())
                    self.answer(connection)


def until(condition: Callable[[], object]) -> None:
    """Wait until it is so; fails after ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@contextmanager
def answering(*, port: int = 0) -> Iterator[Strategies]:
    """One on a port of its own."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        found = Strategies(listening)
        thread = threading.Thread(target=found.serve)
        thread.start()
        yield found
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
