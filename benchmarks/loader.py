"""Sends requests to a collector at full speed, or at a given one, with little work of its own."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Load:
    """What became of it."""

    spans: int = 0
    """Acknowledged."""
    refused: int = 0
    """Answers that asked to come back; the request was sent again."""
    wall_s: float = 0.0
    latency_s: list[float] = field(default_factory=list)

    def latency_ms(self, quantile: float) -> float:
        """Of a request, from its first byte to the end of its answer."""
        ordered = sorted(self.latency_s)
        return ordered[int(quantile * (len(ordered) - 1))] * 1000 if ordered else 0.0


async def send(
    port: int,
    requests: Iterator[tuple[bytes, int]],
    *,
    connections: int = 4,
    spans_a_second: float = 0,
    load: Load | None = None,
) -> Load:
    """Send (request, spans) over some connections; each waits for its answer. *load* is filled on the way."""
    load = Load() if load is None else load
    began = time.monotonic()
    lock = asyncio.Lock()

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**16)
        while True:
            async with lock:
                following = next(requests, None)
                if following is not None and spans_a_second:
                    due = began + load_sent[0] / spans_a_second
                    load_sent[0] += following[1]
                    await asyncio.sleep(max(0, due - time.monotonic()))
            if following is None:
                break
            body, spans = following
            head = (
                b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\n"
                b"Content-Length: %d\r\n\r\n" % len(body)
            )
            while True:
                sent = time.monotonic()
                writer.write(head)
                writer.write(body)
                await writer.drain()
                answer = await reader.readuntil(b"\r\n\r\n")
                lower = answer.lower()
                at = lower.index(b"content-length:") + 15
                await reader.readexactly(int(lower[at : lower.index(b"\r", at)]))
                status = int(answer[9:12])
                if status == 200:
                    load.latency_s.append(time.monotonic() - sent)
                    load.spans += spans
                    break
                if status not in {429, 503}:
                    raise RuntimeError(answer.decode())
                load.refused += 1
                await asyncio.sleep(1)
        writer.close()

    load_sent = [0]
    await asyncio.gather(*(one() for _ in range(connections)))
    load.wall_s = time.monotonic() - began
    return load
