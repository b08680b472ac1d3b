"""A writer to be killed: `python -m tests.storage.crashing DIRECTORY`, with everything imported once.

For each line on its standard input, a number, it forks a child that writes traces from that number on and
says on standard output which of them are acknowledged, and first its own process id.
"""

import asyncio
import os
import sys
from pathlib import Path

from spanloom_storage.embedded import EmbeddedStorage
from spanloom_storage.embedded.writer import Limits
from spanloom_storage.testing import checked_of
from spanloom_storage.testing.contract import span

WRITERS = 4


async def write(directory: Path, first: int) -> None:
    """As fast as it goes, until the end comes; each trace has two spans, in two requests."""
    storage = EmbeddedStorage(directory, limits=Limits(segment_bytes=4000))
    async with storage.writer() as writer:

        async def one(number: int) -> None:
            while True:
                await writer.write(checked_of([span(number, number)]))
                await writer.write(checked_of([span(number, number + 10**9, parent=number)]))
                os.write(1, b"%d\n" % number)
                number += WRITERS

        await asyncio.gather(*(one(first + offset) for offset in range(WRITERS)))


def main() -> None:
    """A child for each line."""
    directory = Path(sys.argv[1])
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.write(1, b"pid %d\n" % os.getpid())
            asyncio.run(write(directory, int(line)))
        os.waitpid(child, 0)
        os.write(1, b"dead\n")


if __name__ == "__main__":
    main()
