"""Run by Python itself, before a program's first line: `command.py` puts this folder on PYTHONPATH.

It may be found by any Python, also by one without Spanloom or of another age: a child's, say.
"""

import os
import sys


def _start() -> None:
    try:
        from spanloom_instrumentation.auto.start import start  # noqa: PLC0415  # it may not be there
    except ImportError as exc:
        # Children are none of our business; who was told to be traced should say that he is not.
        if os.environ.get("_SPANLOOM_TRACED") == str(os.getpid()):
            sys.stderr.write("spanloom: %s is not traced: %s\n" % (sys.executable, exc))  # noqa: UP031  # any age
    else:
        start(os.path.dirname(os.path.abspath(__file__)))


def _run_the_one_behind() -> None:
    """A sitecustomize that would have been run without this one."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != here]
    ours = sys.modules.pop("sitecustomize")
    try:
        __import__("sitecustomize")  # another: this folder is on the path no longer
    except ImportError as exc:
        if exc.name != "sitecustomize":
            raise
    finally:
        sys.modules.setdefault("sitecustomize", ours)


try:
    _run_the_one_behind()
finally:
    _start()
