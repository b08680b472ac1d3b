"""The process that makes spans, as it describes itself."""

import os
import sys
from collections.abc import Mapping
from typing import Final
from uuid import uuid4

from opentelemetry.util.types import AnyValue, Attributes

from spanloom_instrumentation.attributes import kept
from spanloom_instrumentation.encoding.envelope import resource_bytes
from spanloom_instrumentation.limits import UNLIMITED, AttributeLimits
from spanloom_instrumentation.notices import warn_once

VERSION: Final = "0.1.0"
"""This distribution's; asking for it at run time would cost a tenth of the whole start."""

_PROGRAM: Final = os.path.basename(sys.executable)  # noqa: PTH119  # pathlib takes three milliseconds to import


class Resource:
    """Attributes that all spans of a process have; never changed, and made anew after a fork."""

    __slots__ = ("_said", "attributes", "encoded", "schema_url", "service")

    def __init__(
        self, attributes: Attributes = None, schema_url: str = "", *, said: Attributes = None
    ) -> None:
        told, _ = kept(attributes, AttributeLimits(most=UNLIMITED))
        self.attributes: Mapping[str, AnyValue] = told
        self.schema_url = schema_url
        self.service = str(told.get("service.name", ""))
        self.encoded = resource_bytes(told, schema_url)
        """ResourceSpans without anything in it."""
        self._said = attributes if said is None else said

    @classmethod
    def of_this_process(cls, said: Attributes = None, schema_url: str = "") -> "Resource":
        """What is *said* of it, before what is detected."""
        attributes = {**_detected(), **(said or {})}
        attributes.setdefault("service.name", f"unknown_service:{_PROGRAM}")
        return cls(attributes, schema_url, said=said or {})

    def after_fork(self) -> "Resource":
        """The same in a child process, which has another id."""
        if "process.pid" not in self.attributes:
            return self
        return Resource.of_this_process(self._said, self.schema_url)


def from_environment(environ: Mapping[str, str]) -> dict[str, AnyValue]:
    """What OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say."""
    text = environ.get("OTEL_RESOURCE_ATTRIBUTES")
    found = _listed(text) if text else {}
    if service := environ.get("OTEL_SERVICE_NAME"):
        found["service.name"] = service
    return found


def _listed(text: str) -> dict[str, AnyValue]:
    from urllib.parse import unquote  # noqa: PLC0415  # dear to import, and not always needed

    found: dict[str, AnyValue] = {}
    for item in filter(str.strip, text.split(",")):
        key, equals, value = item.partition("=")
        if equals:
            found[unquote(key.strip())] = unquote(value.strip())
        else:
            warn_once("OTEL_RESOURCE_ATTRIBUTES is key=value,key=value; left out: %r", item)
    return found


def _detected() -> dict[str, AnyValue]:
    runtime = sys.implementation
    return {
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "spanloom",
        "telemetry.sdk.version": VERSION,
        "service.instance.id": str(uuid4()),
        "host.name": os.uname().nodename,
        "process.pid": os.getpid(),
        "process.parent_pid": os.getppid(),
        "process.command": sys.orig_argv[0] if sys.orig_argv else "",
        "process.executable.name": _PROGRAM,
        "process.executable.path": sys.executable,
        "process.runtime.name": runtime.name,
        "process.runtime.version": ".".join(map(str, sys.version_info[:3])),
        "process.runtime.description": sys.version,
    }
