"""What other processes cost, what machine this is, and how figures are printed: for all benchmarks."""

import json
import os
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Final

from spanloom_storage.embedded.catalog import Catalog

_TICK: Final = os.sysconf("SC_CLK_TCK")


def family(process: int) -> Iterator[int]:
    """A process and all that it has started."""
    yield process
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        for child in task.read_text().split():
            if Path(f"/proc/{child}/stat").exists():  # it may have ended meanwhile
                yield from family(int(child))


def cpu_s(process: int) -> float:
    """User and system time of a process and all below it, children that have ended included."""
    total = 0
    for one in family(process):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += sum(int(field) for field in fields[11:15])
    return total / _TICK


def peak_mb(process: int) -> float:
    """The most memory that a process has had at once, of those below it the sum of peaks."""
    total = 0
    for one in family(process):
        for line in Path(f"/proc/{one}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                total += int(line.split()[1])
    return total / 1024


def forget_peak(process: int) -> None:
    """Let `peak_mb` begin anew."""
    for one in family(process):
        Path(f"/proc/{one}/clear_refs").write_text("5")


def written_bytes(process: int) -> int:
    """What a process and those below it have given the kernel to write; sockets count, and are little."""
    total = 0
    for one in family(process):
        for line in Path(f"/proc/{one}/io").read_text().splitlines():
            if line.startswith("wchar"):
                total += int(line.split()[1])
    return total


def wait_until_idle(process: int, *, for_s: float = 2.0, most_s: float = 120.0) -> None:
    """Return once a process has used less than 2 % of a core for a while."""
    deadline = time.monotonic() + most_s
    while time.monotonic() < deadline:
        before = cpu_s(process)
        time.sleep(for_s)
        if cpu_s(process) - before < 0.02 * for_s + 1 / _TICK:
            return


def size_bytes(directory: Path) -> int:
    """What the files in a directory hold."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def blocks_of(directory: Path) -> tuple[int, int]:
    """(spans, bytes) of a store's blocks: what has been put in order; up to 48 MB are yet to be."""
    blocks = Catalog(directory, only_looks=True).snapshot().blocks.values()
    return sum(facts.span_count for facts in blocks), sum(facts.size_bytes for facts in blocks)


def quantile(ordered: Sequence[float], part: float) -> float:
    """So great a part of the values, which are in order, is at most this (nearest rank); 0 of none."""
    return ordered[max(0, ceil(part * len(ordered)) - 1)] if ordered else 0.0


def machine() -> dict[str, str | int]:
    """The facts that figures depend on."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    memory = Path("/proc/meminfo").read_text().splitlines()[0].split()[1]
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": int(memory) // 1024,
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def report(rows: Sequence[Mapping[str, object]], *, to: Path | None = None) -> None:
    """Print a table; and, where a file is given, the same as JSON with the machine's facts."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    texts = [[_text(row.get(name, "")) for name in columns] for row in rows]
    widths = [max(len(name), *(len(text[place]) for text in texts)) for place, name in enumerate(columns)]
    for line in (columns, *texts):
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
    print(", ".join(f"{name} {value}" for name, value in machine().items()))
    if to is not None:
        to.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n")


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
