"""The process that makes spans, as it describes itself."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final
from uuid import uuid4

from opentelemetry.util.types import AnyValue, Attributes

from spanloom_instrumentation.attributes import kept
from spanloom_instrumentation.encoding.envelope import resource_bytes
from spanloom_instrumentation.limits import UNLIMITED, AttributeLimits
from spanloom_instrumentation.notices import warn_once
from spanloom_instrumentation.resources.detectors import PROCESS, USUAL, surroundings
from spanloom_instrumentation.resources.process import UNKNOWN_SERVICE, process

VERSION: Final = "0.1.0"
"""This distribution's; asking for it at run time would cost a tenth of the whole start."""


class Resource:
    """Attributes that all spans of a process have; never changed, and made anew after a fork."""

    __slots__ = ("_again", "attributes", "encoded", "schema_url", "service")

    def __init__(
        self,
        attributes: Attributes = None,
        schema_url: str = "",
        *,
        again: Callable[[], "Resource"] | None = None,
    ) -> None:
        told, _ = kept(attributes, AttributeLimits(most=UNLIMITED))
        self.attributes: Mapping[str, AnyValue] = told
        self.schema_url = schema_url
        self.service = str(told.get("service.name", ""))
        self.encoded = resource_bytes(told, schema_url)
        """ResourceSpans without anything in it."""
        self._again = again

    @classmethod
    def of_this_process(
        cls,
        said: Attributes = None,
        *,
        detectors: Sequence[str] = USUAL,
        found: Mapping[str, AnyValue] | None = None,
    ) -> "Resource":
        """What is *said* of it, before what is detected; *found* is what a parent detected already."""
        around = surroundings(detectors) if found is None else found
        attributes = {**_itself(), **(process() if PROCESS in detectors else {}), **around, **(said or {})}
        return cls(attributes, again=partial(cls.of_this_process, said, detectors=detectors, found=around))

    def after_fork(self) -> "Resource":
        """The same in a child process, which has another id."""
        return self._again() if self._again else self


def _itself() -> dict[str, AnyValue]:
    return {
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "spanloom",
        "telemetry.sdk.version": VERSION,
        "service.name": UNKNOWN_SERVICE,
        "service.instance.id": str(uuid4()),
    }


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
