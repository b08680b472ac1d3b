"""What `--list` shows: what is traced here, and what could be."""

from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from typing import Final

from spanloom_instrumentation.auto.packages import INSTRUMENTORS, conflict_of, disabled

_NOTHING: Final = "Nothing is traced here: no package opentelemetry-instrumentation-… is installed."

_NO_SPANS: Final = frozenset({"psutil", "pydantic"})
"""Libraries that are listed for packages which make metrics, or are for a library that uses them."""

_UNDER: Final[Mapping[str, str]] = {"starlette": "fastapi", "urllib3": "requests"}
"""Libraries that are traced with the one above them; with both there would be two spans for each."""


def listing(environ: Mapping[str, str]) -> str:
    """Lines for a person."""
    off = disabled(environ)
    packages = sorted(entry_points(group=INSTRUMENTORS), key=lambda one: one.name)
    lines = ["Traced here:" if packages else _NOTHING]
    lines += [f"  {package.name:16} {_state(package, off)}" for package in packages]
    if missing := sorted(_missing()):
        lines += ["", "Installed libraries that could be:"]
        lines += [f"  {library:16} pip install {package}" for library, package in missing]
    return "\n".join(lines) + "\n"


def _state(package: EntryPoint, off: set[str]) -> str:
    if {package.name, "*"} & off:
        return "disabled"
    reason, _ = conflict_of(package)
    if reason:
        return f"no: {reason}"
    return f"by {package.dist.name} {package.dist.version}" if package.dist else "yes"


def _missing() -> Iterator[tuple[str, str]]:
    """(library, package) of each that is installed without the other."""
    try:
        from opentelemetry.instrumentation.bootstrap_gen import libraries  # noqa: PLC0415  # may be missing
        from opentelemetry.instrumentation.dependencies import get_dependency_conflicts  # noqa: PLC0415  # as above
    except ImportError:
        yield "(any)", "'spanloom-instrumentation[auto]', which knows what there is"
        return
    for known in libraries:
        library = known["library"].split()[0]
        package = known["instrumentation"].partition("==")[0].partition(">=")[0]
        if library in _NO_SPANS or get_dependency_conflicts([known["library"]]):
            continue
        if not _is_installed(package) and not _is_installed(_UNDER.get(library, "")):
            yield library, package


def _is_installed(distribution: str) -> bool:
    try:
        version(distribution)
    except (PackageNotFoundError, ValueError):  # of no name
        return False
    return True
