"""How far a long command has come: one line on a terminal, nothing anywhere else."""

import sys
import time
from typing import Final, Self, TextIO

_CELLS: Final = 24
_EVERY_S: Final = 0.1
_CLEAR: Final = "\r\033[K"


class Progress:
    """A bar where the whole is known, a count where it is not; the line goes when all is done."""

    def __init__(self, what: str, *, whole: int = 0, to: TextIO | None = None) -> None:
        self._what = what
        self._whole = whole
        self._to = to or sys.stderr
        self._shown_s = 0.0
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._to.isatty() and self._shown_s:
            print(_CLEAR, end="", file=self._to, flush=True)

    def advance(self, amount: int, note: str = "") -> None:
        """So much more is done."""
        self._done += amount
        now_s = time.monotonic()
        if self._to.isatty() and now_s - self._shown_s >= _EVERY_S:
            self._shown_s = now_s
            print(f"{_CLEAR}{self._what}  {self._bar()}{note}", end="", file=self._to, flush=True)

    def _bar(self) -> str:
        if not self._whole:
            return ""
        share = min(1.0, self._done / self._whole)
        filled = int(share * _CELLS)
        return f"{'█' * filled}{'░' * (_CELLS - filled)} {share:4.0%}  "


def bytes_told(size: float) -> str:
    """A size as people read it: 12 B, 3.4 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def count_told(count: int, noun: str) -> str:
    """A number and what it counts: 1 span, 12,345 spans."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
