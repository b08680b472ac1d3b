"""Stages one after the other, before whatever takes the spans then."""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from spanloom_collector.pipeline.counts import PipelineCounts
from spanloom_collector.pipeline.stage import Stage
from spanloom_collector.receiver import SMALL_BYTES, Consume
from spanloom_storage.batch import SpanRequest
from spanloom_storage.draft import Draft

_WORKERS: Final = 2


class Pipeline:
    """A Consume that lets spans through stages to another one.

    Without stages requests pass as they are. Spans that a stage takes out are counted, and their
    sender is told that they were taken.
    """

    def __init__(self, stages: Sequence[Stage], *, then: Consume, counts: PipelineCounts) -> None:
        self.stages = tuple(stages)
        """May be replaced at any time: requests after that go through the others."""
        self._then = then
        self._counts = counts
        self._workers = ThreadPoolExecutor(_WORKERS, "spanloom-stages")

    async def __call__(self, request: SpanRequest) -> None:
        """Take a request or raise as the next one does."""
        stages = self.stages
        if not stages:
            await self._then(request)
            return
        if len(request.data) <= SMALL_BYTES:  # a thread costs more
            changed = self._changed(request, stages)
        else:
            loop = asyncio.get_running_loop()
            changed = await loop.run_in_executor(self._workers, self._changed, request, stages)
        if changed.span_count:
            await self._then(changed)

    def _changed(self, request: SpanRequest, stages: Sequence[Stage]) -> SpanRequest:
        self._counts.spans.inc(request.span_count)
        began = time.thread_time()
        draft = Draft(request)
        began = self._lap("decode", began)
        for stage in stages:
            before = draft.span_count
            if before:
                stage.change(draft)
            if draft.span_count < before:
                self._counts.dropped.labels(stage.name, stage.reason).inc(before - draft.span_count)
            began = self._lap(stage.name, began)
        changed = draft.request()
        self._lap("encode", began)
        return changed

    def _lap(self, stage: str, began: float) -> float:
        now = time.thread_time()
        self._counts.seconds.labels(stage).inc(now - began)
        return now


def chain(*stages: Stage, then: Consume, counts: PipelineCounts) -> Pipeline:
    """`chain(delete(…), sample(0.1), then=writer.write, counts=…)`: stages that stay as they are."""
    return Pipeline(stages, then=then, counts=counts)
