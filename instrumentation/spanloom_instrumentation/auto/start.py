"""What happens in a program before its first line, when it is started by `command.py`."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Final

from spanloom_instrumentation import environment

PROCESS: Final = "_SPANLOOM_TRACED"
"""The id of the process that a person asked to be traced; others are its children."""

_HELPERS: Final = ("from multiprocessing.resource_tracker ",)
"""Programs of Python's own that run nothing of the application's."""

_log: Final = logging.getLogger("spanloom_instrumentation")


def start(site: str) -> None:
    """Trace this process; what fails is told, and the program runs all the same."""
    if environment.disabled(os.environ) or _is_helper(sys.orig_argv):
        return
    try:
        with _only_this_process(site):
            begin()
    except Exception:  # noqa: BLE001  # whatever it is
        _log.exception("This process is not traced")


def begin() -> None:
    """Make spans, of all libraries that there are instrumentation packages for."""
    from spanloom_instrumentation.auto import packages, termination  # noqa: PLC0415  # not for who only asks for help
    from spanloom_instrumentation.configuration import configure  # noqa: PLC0415  # as above

    if os.environ.get("OTEL_PYTHON_AUTO_INSTRUMENTATION_EXPERIMENTAL_GEVENT_PATCH") == "patch_all":
        # Before packages import what gevent would then patch too late.
        import_module("gevent.monkey").patch_all()
    provider = configure()
    termination.flush_at_sigterm(provider)
    packages.load(os.environ)


def _is_helper(argv: list[str]) -> bool:
    return any(word.startswith(_HELPERS) for word in argv)


@contextmanager
def _only_this_process(site: str) -> Iterator[None]:
    """Whatever a library runs while it is imported must not begin this again, and so on."""
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in before.split(os.pathsep) if path != site)
    try:
        yield
    finally:
        os.environ["PYTHONPATH"] = before
