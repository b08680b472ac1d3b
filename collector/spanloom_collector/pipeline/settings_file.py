"""The stages of a settings file, followed while the collector runs."""

import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from spanloom_collector.following import LOOK_EVERY_S, Follower, file_reader
from spanloom_collector.pipeline.counts import PipelineCounts
from spanloom_collector.pipeline.language import read_stages
from spanloom_collector.pipeline.pipeline import Pipeline
from spanloom_collector.pipeline.stage import Stage
from spanloom_collector.receiver import Consume
from spanloom_model.errors import MisconfiguredError


def stages_of(data: bytes) -> tuple[Stage, ...]:
    """What a settings file has under [[collector.stages]]; raises MisconfiguredError."""
    try:
        found = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise MisconfiguredError(f"it is not TOML: {exc}") from exc
    collector = found.get("collector", {})
    return read_stages(collector.get("stages", []) if isinstance(collector, Mapping) else [])


class FollowedPipeline:
    """A pipeline whose stages are those of a settings file, now and after each change of it."""

    def __init__(self, settings_file: Path | None, *, then: Consume, counts: PipelineCounts) -> None:
        self.consume = Pipeline((), then=then, counts=counts)
        self._follower = None
        if settings_file is not None:
            what = f"the settings file {settings_file}"
            self._follower = Follower(what, file_reader(settings_file), self._take, settles=True)

    @property
    def trouble(self) -> str | None:
        """Why the newest stages are not in force; None while they are."""
        return None if self._follower is None else self._follower.trouble

    @asynccontextmanager
    async def running(self, every_s: float = LOOK_EVERY_S) -> AsyncIterator[None]:
        """Follow the file until left; raises MisconfiguredError where it is wrong now."""
        if self._follower is None:
            yield
            return
        self._follower.start()
        async with self._follower.running(every_s):
            yield

    def _take(self, data: bytes) -> None:
        self.consume.stages = stages_of(data)
