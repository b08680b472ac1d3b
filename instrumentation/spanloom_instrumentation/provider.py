"""The tracer provider: what `configure` installs."""

import atexit
import time
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.trace import NoOpTracer
from opentelemetry.util.types import Attributes

from spanloom_instrumentation.forks import renew_in_children
from spanloom_instrumentation.ids import IdGenerator, RandomIds
from spanloom_instrumentation.limits import SpanLimits
from spanloom_instrumentation.notices import warn_once
from spanloom_instrumentation.origin import Origin
from spanloom_instrumentation.pipeline import Pipeline
from spanloom_instrumentation.process_end import end_with_process, end_with_worker
from spanloom_instrumentation.resource import Resource
from spanloom_instrumentation.sampling.decision import deciding, is_foreign
from spanloom_instrumentation.sampling.sampler import Sampler
from spanloom_instrumentation.sampling.samplers import ALWAYS_ON, ParentBased
from spanloom_instrumentation.scope import Scope
from spanloom_instrumentation.tracer import Tracer

_DEFAULT_SAMPLER: Final = ParentBased(ALWAYS_ON)
_MOST_TRACERS: Final = 1024
"""Remembered; a scope named after a request is one too many anyway."""


class TracerProvider(trace.TracerProvider):
    """Makes tracers, and owns what their spans pass through.

    *sampler* may be one of `opentelemetry-sdk` too, and so may what is given to
    `add_span_processor`. Nothing is sent until a processor is added.
    """

    def __init__(  # noqa: PLR0913  # by name, and each with a default
        self,
        *,
        resource: Resource | None = None,
        sampler: Sampler | Any | None = None,
        limits: SpanLimits | None = None,
        ids: IdGenerator | None = None,
        disabled: bool = False,
        shutdown_on_exit: bool = True,
    ) -> None:
        self.resource = resource or Resource.of_this_process()
        self.sampler = sampler or _DEFAULT_SAMPLER
        self._decide = deciding(self.sampler)
        self._limits = limits or SpanLimits()
        self._ids = ids or RandomIds()
        self._silent = disabled
        self._pipeline = Pipeline()
        self._tracers: dict[bytes, Tracer] = {}
        self._ends_with_process = shutdown_on_exit
        if shutdown_on_exit:
            end_with_process(self)
        renew_in_children(self)

    def after_fork(self) -> None:
        """Describe the child."""
        self.resource = self.resource.after_fork()
        if self._ends_with_process:
            end_with_worker(self)

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> trace.Tracer:
        """Make the tracer of this scope, or find it; after `shutdown` one that does nothing."""
        if self._silent:
            return NoOpTracer()
        if not instrumenting_module_name:
            warn_once("A tracer was asked for without a name")
        scope = Scope(instrumenting_module_name or "", instrumenting_library_version, schema_url, attributes)
        if found := self._tracers.get(scope.encoded):
            return found
        made = Tracer(
            Origin(scope, self._limits, self._pipeline, self),
            self._decide,
            self._ids,
            follows_parent=getattr(self.sampler, "follows_parent", False),
        )
        if len(self._tracers) >= _MOST_TRACERS:
            self._tracers.clear()
        return self._tracers.setdefault(scope.encoded, made)

    def add_span_processor(self, processor: Any) -> None:
        """Let spans pass one more processor; one that was written for `opentelemetry-sdk` too."""
        if not hasattr(processor, "hears_starts"):
            from spanloom_instrumentation.sdk.processor import SdkProcessor  # noqa: PLC0415  # only for these

            processor = SdkProcessor(processor)
        self._pipeline.add(processor)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what has ended; whether that was possible in time."""
        deadline_s = time.monotonic() + timeout_millis / 1000
        flushed = True
        for processor in self._pipeline.processors:
            left_s = max(0.0, deadline_s - time.monotonic())
            flushed &= processor.force_flush(int(left_s * 1000)) is not False
        return flushed

    def shutdown(self) -> None:
        """Send what has ended, in bounded time, and leave nothing running; a second call does nothing."""
        if not self._silent:
            self._silent = True
            atexit.unregister(self.shutdown)
        for processor in self._pipeline.processors:
            processor.shutdown()
        if not is_foreign(self.sampler):  # the SDK's have nothing to let go of
            self.sampler.shutdown()
