"""How a block comes into the store: written aside, made durable, then named."""

import json
import os
import shutil
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import xxhash

from spanloom_storage.embedded.block_writer import BlockWriter
from spanloom_storage.embedded.catalog import DRAFT, FACTS, BlockFacts, Catalog
from spanloom_storage.embedded.segment import sync_directory
from spanloom_storage.kernels.rows import Rows


def write_block(
    catalog: Catalog, rows: Rows, *, replaces: Sequence[str], received_ns: tuple[int, int], worker: int = 0
) -> BlockFacts:
    """Make a block of rows; what it is, once it is in the store. Raises OSError where nothing has changed."""
    draft = catalog.blocks / f"{DRAFT}{worker}-{uuid.uuid4().hex}"
    draft.mkdir(parents=True)
    try:
        facts = BlockWriter(rows, draft).write()
        facts["received_ns"] = list(received_ns)
        facts["replaces"] = list(replaces)
        facts["files"] = {path.name: _sealed(path) for path in sorted(draft.iterdir())}
        data = json.dumps(facts).encode()
        (draft / FACTS).write_bytes(data)
        _sync(draft / FACTS)
        sync_directory(draft)
        first, last = (_moment(time_ns) for time_ns in facts["start_range_ns"])
        name = f"{first}-{last}-{xxhash.xxh3_64_hexdigest(data)}"
        draft.rename(catalog.blocks / name)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    sync_directory(catalog.blocks)
    return BlockFacts(name=name, **facts)


def damage_of(directory: Path, facts: BlockFacts) -> str | None:
    """Which file of a block is not as it was written, if one is."""
    for name, (size, digest) in facts.files.items():
        path = directory / name
        if not path.exists():
            return f"{name} is missing"
        if path.stat().st_size != size or checksum(path) != digest:
            return f"{name} is not what was written"
    return None


def checksum(path: Path) -> str:
    """XXH3-64 of a file, in hexadecimal."""
    digest = xxhash.xxh3_64()
    with path.open("rb") as file:
        while piece := file.read(2**20):
            digest.update(piece)
    return digest.hexdigest()


def _sealed(path: Path) -> list[int | str]:
    """Size and checksum of a file that has been made durable."""
    _sync(path)
    return [path.stat().st_size, checksum(path)]


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _moment(time_ns: int) -> str:
    """As names of blocks have it: UTC, to the second."""
    try:
        return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time_ns // 10**9))
    except (OverflowError, ValueError, OSError):
        return str(time_ns)
