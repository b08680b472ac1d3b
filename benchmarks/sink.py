"""A collector that takes everything and keeps nothing, for measuring who sends.

python -m benchmarks.sink PORT
"""

import asyncio
import sys

from benchmarks.connection import header

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            missing = int(header(head.lower(), b"content-length") or 0)
            while missing:
                missing -= len(await reader.read(missing))
            writer.write(ANSWER)
    except asyncio.IncompleteReadError:
        writer.close()


async def _run(port: int) -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", port, limit=2**20)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_run(int(sys.argv[1])))
