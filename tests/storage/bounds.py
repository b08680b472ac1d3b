"""Tests once more, with every index of the compiled code checked."""

import os
import subprocess
import sys
from pathlib import Path


def run_checked(file: str, tests: list[str], cache: Path) -> None:
    """Run tests of a file, by name, with bounds checking on; kernels are compiled anew for it."""
    checked = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(cache)}
    command = [sys.executable, "-m", "pytest", "-q", *(f"{file}::{test}" for test in tests)]
    run = subprocess.run(
        command, env={**os.environ, **checked}, capture_output=True, text=True, timeout=300, check=False
    )
    assert run.returncode == 0, run.stdout
    assert f"{len(tests)} passed" in run.stdout
