"""The command line of the start without code: `spanloom trace …`, `python -m spanloom_instrumentation …`.

The program is not run in here: this process becomes it, by exec, so that its arguments, its
signals, its exit code and its tracebacks are its own. What traces it is `site/sitecustomize.py`,
which Python runs before a program's first line, in its children too.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from spanloom_instrumentation.auto.start import PROCESS
from spanloom_model.errors import MisconfiguredError

SITE: Final = str(Path(__file__).parent.absolute() / "site")

HELP: Final = "runs a program with tracing, without a change to it"
_DESCRIPTION: Final = """\
Runs a program with tracing, without a change to it. Its libraries are traced by the packages
opentelemetry-instrumentation-… that are installed beside it; --list shows which these are.

  {0} app.py --flag-of-the-app
  {0} -m module
  {0} gunicorn --workers 4 app:app
  {0} --service checkout uvicorn app:app"""
_EPILOG: Final = "Options stand before the command; each sets the variable of the environment that it names."

FLAGS: Final[Mapping[str, tuple[str, str, str]]] = {
    "--service": ("OTEL_SERVICE_NAME", "NAME", "the name of the service"),
    "--agent": ("SPANLOOM_AGENT", "HOST:PORT", "the agent that spans are sent to"),
    "--sampler": ("OTEL_TRACES_SAMPLER", "NAME", "what is kept, as parentbased_traceidratio"),
    "--sampler-arg": ("OTEL_TRACES_SAMPLER_ARG", "TEXT", "what the sampler is told, as 0.1"),
    "--exporter": ("OTEL_TRACES_EXPORTER", "NAMES", "where spans go: spanloom, otlp, console"),
    "--disable": ("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "NAMES", "what is not traced, as redis,urllib3"),
}


def main() -> None:
    """Run it; what only a person can put right is one sentence and exit code 1."""
    # A console script has its own name; the file behind `-m` has none that could be typed.
    by_name = not sys.argv[0].endswith(".py")
    parser = argparse.ArgumentParser(prog=None if by_name else "python -m spanloom_instrumentation")
    add_arguments(parser)
    try:
        run(parser.parse_args())
    except MisconfiguredError as exc:
        sys.exit(f"{parser.prog}: {exc}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be said; `spanloom trace` has the same."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.usage = "%(prog)s [OPTION ...] (FILE.py | -m MODULE | COMMAND) [ARGUMENT ...]"
    parser.description = _DESCRIPTION.format(parser.prog)
    parser.epilog = _EPILOG
    for flag, (variable, meta, text) in FLAGS.items():
        parser.add_argument(flag, dest=variable, metavar=meta, help=f"{text} ({variable})")
    parser.add_argument(
        "--list", action="store_true", help="show what is traced here, and what could be, and end"
    )
    parser.add_argument("-m", dest="module", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.add_argument("words", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> None:
    """Become the program; raises MisconfiguredError where there is none."""
    if arguments.list:
        from spanloom_instrumentation.auto.listing import listing  # noqa: PLC0415  # needs what may be missing

        sys.stdout.write(listing(os.environ))
        return
    words = ["-m", *arguments.module] if arguments.module else arguments.words
    executable, argv = program(words)
    told = {variable: getattr(arguments, variable) for variable, _, _ in FLAGS.values()}
    environ = os.environ | {variable: value for variable, value in told.items() if value is not None}
    behind = environ.get("PYTHONPATH")
    environ["PYTHONPATH"] = f"{SITE}{os.pathsep}{behind}" if behind else SITE
    environ[PROCESS] = str(os.getpid())
    try:
        os.execve(executable, argv, environ)  # noqa: S606  # the command that a person has typed
    except OSError as exc:
        raise MisconfiguredError(f"{words[0]} cannot be run: {exc.strerror}") from exc


def program(words: Sequence[str]) -> tuple[str, list[str]]:
    """The file to be executed, and its arguments with its name before them."""
    if not words:
        raise MisconfiguredError("say what is to be run: FILE.py, -m MODULE, or a command; --help tells more")
    first = words[0]
    if first == "-m":
        return sys.executable, [sys.executable, *words]
    if first.endswith((".py", ".pyz")) or Path(first).is_dir():
        if not Path(first).exists():
            raise MisconfiguredError(f"there is no file {first}")
        return sys.executable, [sys.executable, *words]
    found = shutil.which(first)
    if found is None:
        raise MisconfiguredError(
            f"there is no command {first} on the PATH, and it is no file that ends in .py"
        )
    return found, list(words)
