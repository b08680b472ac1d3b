"""Where spans come from: what all spans of one tracer have in common."""

from typing import Protocol

from spanloom_instrumentation.limits import SpanLimits
from spanloom_instrumentation.pipeline import Pipeline
from spanloom_instrumentation.resource import Resource
from spanloom_instrumentation.scope import Scope


class ResourceHolder(Protocol):
    """Whoever knows the resource that is true now; after a fork it is another."""

    resource: Resource


class Origin:
    """One for each tracer."""

    __slots__ = ("holder", "limits", "pipeline", "scope")

    def __init__(self, scope: Scope, limits: SpanLimits, pipeline: Pipeline, holder: ResourceHolder) -> None:
        self.scope = scope
        self.limits = limits
        self.pipeline = pipeline
        self.holder = holder

    @property
    def resource(self) -> Resource:
        """What made the span."""
        return self.holder.resource
