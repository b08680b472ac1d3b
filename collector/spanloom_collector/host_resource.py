"""What an agent says of its host beside its requests, for every resource that does not say it itself.

The header `Spanloom-Host-Resource` is written as OTEL_RESOURCE_ATTRIBUTES is, `key=value,key=value`,
percent-encoded: opentelemetry.io/docs/specs/otel/resource/sdk, "Specifying resource information".
"""

from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from spanloom_model.wire import MalformedError
from spanloom_storage.resources import MOST_ATTRIBUTES, Additions

HEADER: Final = "spanloom-host-resource"
MOST_BYTES: Final = 2**13


@lru_cache(256)
def additions_of(header: str) -> Additions | None:
    """The attributes that a header names, None for none; raises MalformedError where it is no such header."""
    if len(header) > MOST_BYTES:
        raise MalformedError(f"more than {MOST_BYTES} bytes")
    attributes = dict(map(_pair, filter(None, header.split(","))))
    if len(attributes) > MOST_ATTRIBUTES:
        raise MalformedError(f"more than {MOST_ATTRIBUTES} attributes")
    return Additions.of(attributes) if attributes else None


def _pair(text: str) -> tuple[str, str]:
    key, is_there, value = text.partition("=")
    if not is_there or not key.strip():
        raise MalformedError(f"no key and value: {text[:40]!r}")
    try:
        return unquote(key.strip(), errors="strict"), unquote(value.strip(), errors="strict")
    except UnicodeDecodeError as exc:
        raise MalformedError(f"not UTF-8: {text[:40]!r}") from exc
