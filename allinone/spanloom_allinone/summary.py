"""What a person reads once everything runs."""

import sys
from collections.abc import Sequence
from typing import Final, TextIO

from spanloom_allinone.parts import Listening

_BOLD: Final = "\033[1m"
_DIM: Final = "\033[2m"
_ACCENT: Final = "\033[38;5;39m"
_PLAIN: Final = "\033[0m"


def print_summary(
    title: str, listening: Sequence[Listening], hints: Sequence[str], *, to: TextIO = sys.stderr
) -> None:
    """One title, a table of what is where, and what to try next; coloured on a terminal only."""

    def styled(style: str, text: str) -> str:
        return f"{style}{text}{_PLAIN}" if to.isatty() else text

    width = max((len(one.what) for one in listening), default=0)
    lines = ["", f"  {styled(_BOLD + _ACCENT, 'Spanloom')}  {styled(_BOLD, title)}", ""]
    lines += [f"  {styled(_DIM, one.what.ljust(width))}   {one.where}" for one in listening]
    if hints:
        lines += ["", *(f"  {hint}" for hint in hints)]
    print("\n".join([*lines, "", f"  {styled(_DIM, 'Ctrl-C ends it.')}", ""]), file=to, flush=True)
