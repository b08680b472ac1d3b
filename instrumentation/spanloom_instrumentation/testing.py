"""For tests of instrumented code: the spans that it makes."""

import contextlib
from collections.abc import Iterator, Sequence
from functools import cache

from opentelemetry import trace
from opentelemetry.trace import ProxyTracerProvider

from spanloom_instrumentation.provider import TracerProvider
from spanloom_instrumentation.queue import SpanQueue
from spanloom_instrumentation.span import Span


class _Recorder:
    """Takes what would be sent to the agent."""

    def __init__(self) -> None:
        self.blocks: tuple[list[Span], ...] = ()

    def send(self, spans: Sequence[Span]) -> None:
        for block in self.blocks:
            block.extend(spans)

    def note_dropped(self, span_count: int) -> None:
        """There is no agent to tell."""

    def close(self) -> None:
        """There is no network."""


@contextlib.contextmanager
def recorded_spans() -> Iterator[list[Span]]:
    """The sampled spans that end in this block, in that order; all are there when it is over.

    They pass the process's own tracer provider, which is made if there is none; raises TypeError
    where it is another library's.
    """
    provider = trace.get_tracer_provider()
    if isinstance(provider, ProxyTracerProvider):
        provider = TracerProvider(shutdown_on_exit=False)
        trace.set_tracer_provider(provider)
    if not isinstance(provider, TracerProvider):
        raise TypeError(f"this process has a tracer provider of another library: {provider!r}")
    recorder = _recorder_of(provider)
    provider.force_flush()  # what ended before is not of this block
    found: list[Span] = []
    recorder.blocks += (found,)
    try:
        yield found
    finally:
        provider.force_flush()
        recorder.blocks = tuple(block for block in recorder.blocks if block is not found)


@cache
def _recorder_of(provider: TracerProvider) -> _Recorder:
    recorder = _Recorder()
    provider.add_span_processor(SpanQueue(recorder))
    return recorder
