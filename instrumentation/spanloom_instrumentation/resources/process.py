"""This process, and the Python that it is."""

import os
import sys
from typing import Final

from opentelemetry.util.types import AnyValue

_PROGRAM: Final = os.path.basename(sys.executable)  # noqa: PTH119  # pathlib takes three milliseconds to import
UNKNOWN_SERVICE: Final = f"unknown_service:{_PROGRAM}"


def process() -> dict[str, AnyValue]:
    """What is known of it without a look at its arguments, which may be secrets."""
    runtime = sys.implementation
    return {
        "process.pid": os.getpid(),
        "process.parent_pid": os.getppid(),
        "process.command": sys.orig_argv[0] if sys.orig_argv else "",
        "process.executable.name": _PROGRAM,
        "process.executable.path": sys.executable,
        "process.runtime.name": runtime.name,
        "process.runtime.version": ".".join(map(str, sys.version_info[:3])),
        "process.runtime.description": sys.version,
    }


def command_args() -> dict[str, AnyValue]:
    """All of its arguments: only for who asks for them."""
    return {"process.command_args": tuple(sys.orig_argv)}
