"""Writes a corpus into a file, and says what is in it.

python -m benchmarks.corpus [--spans 1000000] [--request-spans 1000] [--seed 1] FILE

FILE gets each request behind its length (uint32, little-endian), as `spanloom storage import` reads it.
"""

import argparse
import time
from pathlib import Path

from benchmarks.corpus import files
from benchmarks.corpus.generator import Corpus


def main() -> None:
    """Write, then print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--request-spans", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    list(Corpus(1).requests())  # compiles what is not compiled yet, which shall not count
    corpus = Corpus(arguments.spans, seed=arguments.seed, request_spans=arguments.request_spans)
    began = time.process_time()
    counts = files.write(corpus.requests(), arguments.file)
    cpu_s = time.process_time() - began
    figures = corpus.shape.figures() | {
        "zstd-3 bytes/span": files.zstd_bytes(files.read(arguments.file, counts)),
        "spans/CPU s": round(arguments.spans / cpu_s),
    }
    for name, value in figures.items():
        print(f"{name:20} {value:14,.2f}" if value % 1 else f"{name:20} {value:11,.0f}")


if __name__ == "__main__":
    main()
