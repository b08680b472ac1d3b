"""The `spanloom` command."""

import argparse
import asyncio
import os
import resource
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import uvloop

from spanloom_agent.settings import AgentSettings
from spanloom_allinone import commands, storage_commands
from spanloom_allinone.settings import DemoSettings, Sources, StorageSettings, add_arguments
from spanloom_collector.settings import CollectorSettings
from spanloom_instrumentation.auto import command as tracing
from spanloom_model.errors import MisconfiguredError
from spanloom_query.settings import QuerySettings

SECTIONS: dict[str, type] = {
    "": StorageSettings,
    "agent": AgentSettings,
    "collector": CollectorSettings,
    "query": QuerySettings,
    "demo": DemoSettings,
}

OPEN_FILES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One thing that `spanloom` does."""

    help: str
    sections: Sequence[str]
    run: Callable[..., Coroutine[Any, Any, None] | None]
    """What runs on the event loop until it is told to end; or does its work and returns None."""


COMMANDS = {
    "run": Command(
        help="everything in one process: agent, collector, storage, query, pages",
        sections=tuple(SECTIONS),
        run=commands.run,
    ),
    "agent": Command(
        help="the agent of this host: takes datagrams, forwards OTLP", sections=("agent",), run=commands.agent
    ),
    "collector": Command(
        help="takes OTLP from agents and services, writes it to storage",
        sections=("", "collector"),
        run=commands.collector,
    ),
    "query": Command(help="the query API and the pages", sections=("", "query"), run=commands.query),
    "demo": Command(
        help="a small shop whose services are traced, against a Spanloom that runs already",
        sections=("demo",),
        run=commands.demo,
    ),
    "trace": Command(help=tracing.HELP, sections=(), run=commands.trace),
    "storage": Command(
        help="looks after the embedded store: info, verify, compact, export, import",
        sections=(),
        run=storage_commands.run,
    ),
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command; what only a person can put right is one sentence and exit code 1."""
    commandline = parser()
    if not (sys.argv[1:] if argv is None else argv):
        commandline.print_help(sys.stderr)
        sys.exit(2)
    arguments = commandline.parse_args(argv)
    try:
        if arguments.command != "trace":  # which makes this process another's, with nothing of ours
            _prepare()
        command = COMMANDS[arguments.command]
        work = command.run(Sources(arguments, os.environ, SECTIONS), **_options(arguments))
        if work is not None:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(work)
    except MisconfiguredError as exc:
        sys.exit(f"spanloom: {exc}")


def _prepare() -> None:
    # gRPC writes to the terminal by itself: of ports in use, which we say, and of forks, as the demo does.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
    # A large store is a thousand files and more, and 1,024 is an old default of systems.
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if most == resource.RLIM_INFINITY else min(most, OPEN_FILES)
    if now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What a command takes besides settings."""
    match arguments.command:
        case "run":
            return {"demo": arguments.demo}
        case "storage" | "trace":
            return {"arguments": arguments}
    return {}


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=36, width=100)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    # argparse would break the lines of its own table of commands; ours stands in the description.
    table = "commands:\n" + "\n".join(f"  {name:10}  {command.help}" for name, command in COMMANDS.items())
    top = argparse.ArgumentParser(
        prog="spanloom",
        formatter_class=_Formatter,
        usage="spanloom COMMAND [OPTION ...]",
        description=f"Distributed tracing: spans in from services, traces out to people.\n\n{table}",
        epilog="`spanloom COMMAND --help` tells a command's options. Every setting may also stand in the\n"
        "environment or in a file: docs/configuration.md.",
    )
    top.add_argument("--version", action="version", version=f"spanloom {version('spanloom')}")
    names = top.add_subparsers(
        dest="command", required=True, metavar="COMMAND", help=argparse.SUPPRESS, prog="spanloom"
    )
    for name, command in COMMANDS.items():
        sub = names.add_parser(name, description=_sentence(command.help), formatter_class=_Formatter)
        if name == "trace":
            tracing.add_arguments(sub)
            continue
        if name == "storage":
            storage_commands.add_arguments(sub, _Formatter)
            continue
        sub.add_argument("--config", metavar="FILE", help="a file of settings in TOML")
        if name == "run":
            sub.add_argument("--demo", action="store_true", help="also run a small shop to look at")
        for section in command.sections:
            add_arguments(sub, section, SECTIONS[section])
    return top


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."
