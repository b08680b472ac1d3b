"""What a connection may take before there is a request: raw sockets against a small application."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from spanloom_allinone.http_limits import HttpLimits
from spanloom_allinone.serving import serving
from spanloom_model import address

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


async def body_size(request: Request) -> PlainTextResponse:
    """Reads what comes."""
    with contextlib.suppress(ClientDisconnect):
        return PlainTextResponse(str(len(await request.body())))
    return PlainTextResponse("nobody reads it")


@asynccontextmanager
async def port(**limits: Any) -> AsyncIterator[tuple[str, Counter[str]]]:
    """Its address, and what was refused there, by reason."""
    refused: Counter[str] = Counter()
    chosen = {"max_header_bytes": 1000, "max_connections": 100, "idle_s": 60.0, **limits}
    app = Starlette(routes=[Route("/", body_size, methods=["GET", "POST"])])
    bounded = HttpLimits(**chosen, refused=lambda reason: refused.update([reason]))
    async with serving(app, "127.0.0.1:0", limits=bounded) as where:
        yield where, refused


async def said(where: str, *parts: bytes, then_s: float = 0.0) -> bytes:
    """All that is answered to these bytes, until the other side ends the connection or is silent."""
    reader, writer = await asyncio.open_connection(*address.split(where))
    for part in parts:
        writer.write(part)
        await asyncio.sleep(0.01)
    answer = b""
    try:
        while data := await asyncio.wait_for(reader.read(65536), then_s or 1):
            answer += data
    except (TimeoutError, ConnectionResetError):
        pass
    writer.close()
    return answer


@pytest.mark.parametrize(
    "parts",
    [
        [b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 5000 + b"\r\n\r\n"],
        [b"GET / HTTP/1.1\r\nX: ", *[b"x" * 400] * 3],
        [b"GET /" + b"x" * 5000],
        [CHUNKED, b"1\r\nx\r\n0\r\n", *[b"Trailer: " + b"x" * 400] * 3],
        [CHUNKED, b"1;", *[b"x" * 400] * 3],
    ],
)
async def test_endless_head_is_cut_off(parts: list[bytes]) -> None:
    """Names, values, addresses, trailers: what a parser gathers is bounded."""
    async with port() as (where, refused):
        answer = await said(where, *parts)
        assert b"431 Request Header Fields Too Large" in answer
        assert refused == {"header": 1}
        assert b"200 OK" in await said(where, GET)


async def test_body_is_no_head() -> None:
    """Large bodies pass, in large and in small pieces, one request after the other."""
    async with port() as (where, refused):
        for body in (b"5000\r\n" + b"x" * 0x5000 + b"\r\n", b"1\r\nx\r\n" * 5000):
            answer = await said(where, CHUNKED + body + b"0\r\n\r\n", GET, then_s=0.3)
            assert answer.count(b"200 OK") == 2
        assert not refused


async def test_connections_are_bounded() -> None:
    """The one too many is told so; it may come when another has gone."""
    async with port(max_connections=1) as (where, refused):
        _, first = await asyncio.open_connection(*address.split(where))
        await asyncio.sleep(0.05)
        answer = await said(where)
        assert b"503 Service Unavailable" in answer
        assert b"Retry-After: 1" in answer
        first.close()
        await asyncio.sleep(0.05)
        assert b"200 OK" in await said(where, GET, then_s=0.2)
        assert refused == {"connections": 1}


@pytest.mark.parametrize("part", [b"", b"GET / HTTP/1.1\r\n", CHUNKED + b"5\r\nxx"])
async def test_silence_is_not_waited_for(part: bytes) -> None:
    """Who opens a connection and says nothing more does not keep it."""
    async with port(idle_s=0.2) as (where, refused):
        began = asyncio.get_running_loop().time()
        await said(where, part, then_s=5)
        assert asyncio.get_running_loop().time() - began < 2
        assert refused == {"idle": 1}


async def test_slow_answer_is_not_silence() -> None:
    """A request that is whole is answered, however long that takes."""

    async def slow(_: Request) -> PlainTextResponse:
        await asyncio.sleep(0.5)
        return PlainTextResponse("done")

    limits = HttpLimits(max_header_bytes=1000, max_connections=9, idle_s=0.1, refused=pytest.fail)
    async with serving(Starlette(routes=[Route("/", slow)]), "127.0.0.1:0", limits=limits) as where:
        assert b"done" in await said(where, GET, then_s=2)


async def test_nonsense_is_answered_and_counted() -> None:
    """A port scanner gets a status."""
    async with port() as (where, refused):
        assert b"400 Bad Request" in await said(where, b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
        assert refused == {"malformed": 1}
