"""`spanloom storage …`: what a person does to the embedded store."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from spanloom_allinone.progress import Progress, bytes_told, count_told
from spanloom_allinone.settings import Sources, StorageSettings, settings_of
from spanloom_model.errors import MisconfiguredError

FORMATS: Final = ("otlp", "jsonl", "parquet")


def info(directory: Path, arguments: argparse.Namespace) -> None:
    """What is in the store."""
    from spanloom_allinone import storage_info

    storage_info.info(directory, as_json=arguments.json)


def verify(directory: Path, _: argparse.Namespace) -> None:
    """Whether it is what was written."""
    from spanloom_allinone import storage_info

    storage_info.verify(directory)


def compact(directory: Path, _: argparse.Namespace) -> None:
    """All in blocks, and small blocks merged."""
    from spanloom_storage.embedded import maintenance

    with maintenance.exclusive(directory) as catalog:
        try:
            before = catalog.status()
            done = maintenance.Compacted()
            with Progress("Compacting") as progress:
                for done in maintenance.compact(catalog):
                    progress.advance(1, f"{done.sealed} segments sealed, {done.merged} blocks merged")
            after = catalog.status()
        except OSError as exc:
            raise MisconfiguredError(f"the store cannot be compacted: {exc.strerror or exc}") from exc
    print(
        f"{count_told(done.sealed, 'segment')} sealed, {count_told(done.merged, 'block')} merged,"
        f" {count_told(after.file_counts['blocks'], 'block')} now:"
        f" {bytes_told(before.size_bytes)} before, {bytes_told(after.size_bytes)} after"
    )
    if done.damaged:
        raise MisconfiguredError(f"damaged, and left out of it: {', '.join(done.damaged)}")


async def export(directory: Path, arguments: argparse.Namespace) -> None:
    """The traces of a search."""
    from spanloom_allinone import storage_export

    asked = storage_export.Asked(
        service=arguments.service,
        operation=arguments.operation,
        min_duration=arguments.min_duration,
        since=arguments.since,
        until=arguments.until,
        limit=arguments.limit,
    )
    await storage_export.export(directory, to=arguments.to, form=arguments.format, asked=asked)


async def import_files(directory: Path, arguments: argparse.Namespace) -> None:
    """Traces from files."""
    from spanloom_allinone import storage_import

    await storage_import.import_files(directory, arguments.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Command:
    help: str
    run: Callable[[Path, argparse.Namespace], Coroutine[Any, Any, None] | None]


COMMANDS: Final = {
    "info": _Command(help="what is in the store: segments, blocks, times, attribute keys", run=info),
    "verify": _Command(
        help="compares every file with its checksums; changes nothing, ends with 1 for damage", run=verify
    ),
    "compact": _Command(
        help="puts all spans into blocks and merges small ones; not while a Spanloom writes", run=compact
    ),
    "export": _Command(help="traces of a search as OTLP, as JSON lines or as a Parquet table", run=export),
    "import": _Command(
        help="OTLP from files, protobuf or JSON lines; not while a Spanloom writes", run=import_files
    ),
}


def add_arguments(parser: argparse.ArgumentParser, formatter: Any) -> None:
    """Add the commands below `spanloom storage`."""
    table = "commands:\n" + "\n".join(f"  {name:8}  {command.help}" for name, command in COMMANDS.items())
    parser.usage = "spanloom storage COMMAND [OPTION ...]"
    parser.description = f"{parser.description}\n\n{table}"
    names = parser.add_subparsers(
        dest="storage_command",
        required=True,
        metavar="COMMAND",
        help=argparse.SUPPRESS,
        prog="spanloom storage",
    )
    data = next(setting for setting in settings_of("", StorageSettings) if setting.name == "data")
    for name, command in COMMANDS.items():
        told = command.help[0].upper() + command.help[1:] + "."
        sub = names.add_parser(name, description=told, formatter_class=formatter)
        sub.add_argument("--config", metavar="FILE", help="a file of settings in TOML")
        sub.add_argument(data.flag, metavar="DIR", help=f"{data.help} (default: {data.default})")
        if name == "info":
            sub.add_argument("--json", action="store_true", help="for programs: all figures in JSON")
        elif name == "export":
            _add_export_arguments(sub)
        elif name == "import":
            sub.add_argument("files", nargs="+", metavar="FILE", help="what to read; - is standard input")


def _add_export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", required=True, metavar="FILE", help="where to write; - is standard output")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default=FORMATS[0],
        help="otlp: one protobuf message; jsonl: OTLP's JSON, a request a line; parquet: a row for each"
        " span (default: otlp)",
    )
    asked = parser.add_argument_group("which traces, all by default; one span has to meet all that is given")
    asked.add_argument("--service", metavar="NAME", help="a span of this service")
    asked.add_argument("--operation", metavar="NAME", help="of this name")
    asked.add_argument("--min-duration", metavar="TIME", help="at least so long, as in 250ms or 1.5s")
    asked.add_argument("--since", metavar="TIME", help="starting then or later: RFC 3339 or Unix nanoseconds")
    asked.add_argument("--until", metavar="TIME", help="starting before then")
    asked.add_argument("--limit", type=int, metavar="N", help="the newest N traces only")


def run(sources: Sources, *, arguments: argparse.Namespace) -> None:
    """Run a command to its end; it may be long, and Ctrl-C ends it."""
    directory = _directory(sources, arguments)
    try:
        work = COMMANDS[arguments.storage_command].run(directory, arguments)
        if work is not None:
            asyncio.run(work)
    except KeyboardInterrupt:
        print("spanloom: interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has enough; Python would complain once more when it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _directory(sources: Sources, arguments: argparse.Namespace) -> Path:
    """Where `spanloom run` with the same settings has its data; --data wins over a storage elsewhere."""
    settings = sources.load("", StorageSettings)
    if arguments.data is not None or not settings.storage:
        return Path(settings.data).expanduser()
    scheme, _, rest = settings.storage.partition(":")
    if scheme != "embedded":
        raise MisconfiguredError(f"this is for the embedded store, and the storage is {settings.storage}")
    return Path(rest.partition("?")[0]).expanduser()
