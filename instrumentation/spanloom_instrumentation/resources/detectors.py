"""Which of the detectors look around; OTEL_EXPERIMENTAL_RESOURCE_DETECTORS may choose."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from opentelemetry.util.types import AnyValue

from spanloom_instrumentation.resources.host import host, system
from spanloom_instrumentation.resources.kubernetes import kubernetes
from spanloom_instrumentation.resources.process import command_args
from spanloom_model import container

PROCESS: Final = "process"
"""Looked at by `Resource` itself: after a fork it is another."""

_SURROUNDINGS: Final[Mapping[str, Callable[[], Mapping[str, AnyValue]]]] = {
    "host": host,
    "os": system,
    "container": container.attributes,
    "k8s": lambda: kubernetes(os.environ, os.uname().nodename),
    "command_args": command_args,
}
USUAL: Final = (PROCESS, "host", "os", "container", "k8s")
ALWAYS: Final = frozenset({"otel", "service_instance"})
"""What the SDK for Python has detectors for, and `Resource` does anyway."""


def surroundings(names: Sequence[str] = USUAL) -> dict[str, AnyValue]:
    """What is known of where this process runs, also after a fork; others' detectors go before ours."""
    found: dict[str, AnyValue] = {}
    others = []
    for name in names:
        if look := _SURROUNDINGS.get(name):
            found.update(look())
        elif name != PROCESS and name not in ALWAYS:
            others.append(name)
    if others:
        from spanloom_instrumentation.resources.others import detected_by  # noqa: PLC0415  # dear to import, seldom needed

        found.update(detected_by(others, but=ALWAYS.union(USUAL)))
    return found
