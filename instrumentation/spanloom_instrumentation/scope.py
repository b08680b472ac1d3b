"""The library that makes spans, as it names itself."""

from collections.abc import Mapping

from opentelemetry.util.types import AnyValue, Attributes

from spanloom_instrumentation.attributes import kept
from spanloom_instrumentation.encoding.envelope import scope_bytes
from spanloom_instrumentation.limits import UNLIMITED, AttributeLimits


class Scope:
    """An instrumentation scope; equal ones have equal bytes."""

    __slots__ = ("attributes", "encoded", "name", "schema_url", "version")

    def __init__(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> None:
        self.name = name
        self.version = version or ""
        self.schema_url = schema_url or ""
        told, _ = kept(attributes, AttributeLimits(most=UNLIMITED))
        self.attributes: Mapping[str, AnyValue] = told
        self.encoded = scope_bytes(self.name, self.version, self.schema_url, told)
        """ScopeSpans without spans."""
