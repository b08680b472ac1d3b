"""The agent's own HTTP client, against servers that behave as servers do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from spanloom_agent.http_client import Answer, HttpClient

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

BODY = [b"abc" * 10_000, b"d"]
LENGTH = sum(map(len, BODY))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def client_of(serve: Serve, path: str = "") -> AsyncIterator[HttpClient]:
    """A client of a server that handles each connection so."""

    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(closing, "127.0.0.1", 0)
    client = HttpClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{path}")
    async with server:
        yield client
        await client.close()


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """(head, body) of the next one."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.partition(b"Content-Length: ")[2].partition(b"\r")[0] or 0)
    return head, await reader.readexactly(length)


async def post(client: HttpClient, timeout_s: float = 5.0) -> Answer:
    """Send BODY."""
    return await client.request("POST", "/v1/traces", {"X-Name": "value"}, BODY, timeout_s)


async def test_requests_follow_each_other_on_one_connection() -> None:
    """What is sent is what arrives, and the next request needs no new connection."""
    seen: list[tuple[bytes, bytes]] = []
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            seen.append(await read_request(reader))
            writer.write(OK)

    async with client_of(serve, "/tenant/") as client:
        assert [(await post(client)).body for _ in range(3)] == [b"ok"] * 3
    assert connections == 1
    head, body = seen[0]
    assert head.startswith(b"POST /tenant/v1/traces HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nX-Name: value\r\n" in head
    assert body == b"".join(BODY)
    assert seen[1:] == seen[:1] * 2


async def test_requests_at_once_have_connections_of_their_own() -> None:
    """A slow answer holds up no other request."""
    together = asyncio.Barrier(2)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            await together.wait()
            writer.write(OK)

    async with client_of(serve) as client:
        answers = await asyncio.gather(post(client), post(client))
    assert [answer.status for answer in answers] == [200, 200]


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nok",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
    ],
    ids=["chunked", "until-closed", "continue"],
)
async def test_answers_of_all_kinds_are_understood(said: bytes) -> None:
    """Whatever proxy is in between."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(said)

    async with client_of(serve) as client:
        answer = await post(client)
    assert (answer.status, answer.body) == (200, b"ok")


async def test_connection_that_was_closed_while_idle_is_replaced() -> None:
    """A server's patience with idle connections, or its restart, is no failure."""
    served = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        served += 1
        await read_request(reader)
        writer.write(OK)

    async with client_of(serve) as client:
        for number in range(6):
            assert (await post(client)).status == 200
            await asyncio.sleep(0.02 if number % 2 else 0)  # noticed, or noticed only while sending
    assert served == 6


async def test_answer_before_the_end_of_the_request_counts() -> None:
    """A server that finds a request too large says so and closes; that it was too large is known then."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with client_of(serve) as client:
        answer = await post(client)
        assert (answer.status, answer.headers["retry-after"]) == (413, "7")


@pytest.mark.parametrize(
    "said",
    [b"", b"220 mail\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok"],
    ids=["none", "other", "torn"],
)
async def test_what_is_no_answer_is_an_error(said: bytes) -> None:
    """Another program on the port, or a server that dies: the batch is not taken for delivered."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(said)

    async with client_of(serve) as client:
        with pytest.raises(OSError, match=r"no answer of HTTP|closed"):
            await post(client)


async def test_nobody_there_is_an_error() -> None:
    """The usual case while a collector restarts."""
    with pytest.raises(ConnectionRefusedError):
        await post(HttpClient("http://127.0.0.1:1"))


async def test_server_that_hangs_is_an_error_in_time() -> None:
    """A collector that takes a request and never answers holds up nothing for ever."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.sleep(1)

    async with client_of(serve) as client:
        with pytest.raises(TimeoutError):
            await post(client, timeout_s=0.1)
