"""What an agent says beside its requests: of its host, and of what was lost on the way to it.

    Spanloom-Host-Resource: host.name=web-1,k8s.pod.uid=0f3c…
    Spanloom-Spans-Lost: shop=25,cart=3

Both are written as OTEL_RESOURCE_ATTRIBUTES is, percent-encoded: "Specifying resource information" in
opentelemetry.io/docs/specs/otel/resource/sdk.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self
from urllib.parse import unquote

from spanloom_model.wire import MalformedError
from spanloom_storage.resources import MOST_ATTRIBUTES, Additions

HOST_RESOURCE: Final = "spanloom-host-resource"
SPANS_LOST: Final = "spanloom-spans-lost"
MOST_BYTES: Final = 2**13
MOST_LOST: Final = 10**12
"""No agent has lost so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FromAgent:
    """The headers as they came, empty where there is none; whoever sends without an agent sends none."""

    host_resource: str = ""
    spans_lost: str = ""

    @classmethod
    def of(cls, header: Callable[[str], str | None]) -> Self:
        """Those of a request, by name in small letters."""
        return cls(host_resource=header(HOST_RESOURCE) or "", spans_lost=header(SPANS_LOST) or "")


NO_AGENT: Final = FromAgent()


@lru_cache(256)
def additions_of(header: str) -> Additions | None:
    """The attributes for every resource that lacks them, None for none; raises MalformedError."""
    attributes = _pairs(header)
    if len(attributes) > MOST_ATTRIBUTES:
        raise MalformedError(f"more than {MOST_ATTRIBUTES} attributes")
    return Additions.of(attributes) if attributes else None


def losses_of(header: str) -> Mapping[str, int]:
    """How many spans of each service were lost; raises MalformedError."""
    try:
        losses = {service: int(count) for service, count in _pairs(header).items()}
    except ValueError as exc:
        raise MalformedError(f"not a number of spans: {exc}") from exc
    if not all(0 <= count <= MOST_LOST for count in losses.values()):
        raise MalformedError("nobody loses so many spans")
    return losses


def _pairs(header: str) -> dict[str, str]:
    if len(header) > MOST_BYTES:
        raise MalformedError(f"more than {MOST_BYTES} bytes")
    return dict(map(_pair, filter(None, header.split(","))))


def _pair(text: str) -> tuple[str, str]:
    key, is_there, value = text.partition("=")
    if not is_there or not key.strip():
        raise MalformedError(f"no key and value: {text[:40]!r}")
    try:
        return unquote(key.strip(), errors="strict"), unquote(value.strip(), errors="strict")
    except UnicodeDecodeError as exc:
        raise MalformedError(f"not UTF-8: {text[:40]!r}") from exc
