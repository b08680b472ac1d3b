"""The packages opentelemetry-instrumentation-…: those that are installed are put to work."""

import logging
from collections.abc import Mapping, MutableMapping
from importlib.metadata import EntryPoint, entry_points
from typing import Final

INSTRUMENTORS: Final = "opentelemetry_instrumentor"
DISABLED: Final = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"

_log: Final = logging.getLogger("spanloom_instrumentation")


def load(environ: MutableMapping[str, str]) -> None:
    """Let each trace its library; one that fails is told, and the others work all the same."""
    # Its handler would carry logs to where nothing takes them, and as the root logger's first one
    # keep the program's own warnings from the terminal.
    environ.setdefault("OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION", "false")
    found = entry_points()
    packages = found.select(group=INSTRUMENTORS)
    if not packages:
        _log.warning(
            "No package opentelemetry-instrumentation-… is installed: only spans that the program makes"
            " itself are sent. `python -m spanloom_instrumentation --list` shows which fit the libraries here"
        )
    for hook in found.select(group="opentelemetry_pre_instrument"):
        _call(hook)
    for package in packages:
        if not {package.name, "*"} & disabled(environ):
            _instrument(package)
    for hook in found.select(group="opentelemetry_post_instrument"):
        _call(hook)


def disabled(environ: Mapping[str, str]) -> set[str]:
    """OTEL_PYTHON_DISABLED_INSTRUMENTATIONS: names of entry points; `*` is all."""
    return {name.strip() for name in environ.get(DISABLED, "").split(",")}


def conflict_of(package: EntryPoint) -> tuple[str, bool]:
    """Why it cannot trace anything here, if so; and whether its library is there in another version."""
    from opentelemetry.instrumentation.dependencies import (  # noqa: PLC0415  # comes with such packages
        get_dist_dependency_conflicts,
    )

    conflict = get_dist_dependency_conflicts(package.dist) if package.dist else None
    return (str(conflict), bool(conflict.found or conflict.found_any)) if conflict else ("", False)


def _instrument(package: EntryPoint) -> None:
    try:
        reason, is_installed = conflict_of(package)
        if not reason:
            package.load()().instrument(skip_dep_check=True)  # it was made just now
        elif is_installed:
            _log.warning("%s is not traced: %s", package.name, reason)
    except ModuleNotFoundError as exc:
        _log.debug("%s is not traced: %s", package.name, exc)  # a part of its library that is not installed
    except Exception as exc:  # noqa: BLE001  # whatever it is, the program runs as without it
        _log.warning("%s is not traced, its package fails: %r", package.name, exc)


def _call(hook: EntryPoint) -> None:
    try:
        hook.load()()
    except Exception as exc:  # noqa: BLE001  # as above
        _log.warning("%s of %s fails: %r", hook.name, hook.group, exc)
