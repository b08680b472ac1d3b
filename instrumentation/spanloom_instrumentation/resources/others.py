"""Detectors that were written for `opentelemetry-sdk`, found by their entry points."""

import threading
import time
from collections.abc import Collection, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from opentelemetry.util.types import AnyValue

from spanloom_instrumentation.notices import warn_once

GROUP: Final = "opentelemetry_resource_detector"
DETECT_S: Final = 2.0
"""How long the start waits for all of them: some ask a cloud, where there may be none."""


def detected_by(names: Collection[str], *, but: Collection[str]) -> dict[str, AnyValue]:
    """What they found in time; `*` is all that are installed, *but* those whose work is done already."""
    lookers = [_Looker(entry_point) for entry_point in _chosen(names, but)]
    deadline = time.monotonic() + DETECT_S
    found: dict[str, AnyValue] = {}
    for looker in lookers:
        looker.thread.join(max(0.0, deadline - time.monotonic()))
        if looker.found is None:
            warn_once("A resource detector found nothing in time: %s", looker.name)
        else:
            found.update(looker.found)
    return found


def _chosen(names: Collection[str], but: Collection[str]) -> Iterator[EntryPoint]:
    installed = entry_points(group=GROUP)
    for name in names:
        if name == "*":
            yield from (one for one in installed if one.name not in but)
        elif name in installed.names:
            yield installed[name]
        else:
            warn_once("No resource detector named %r is installed", name)


class _Looker:
    """One detector at work."""

    def __init__(self, entry_point: EntryPoint) -> None:
        self.name = entry_point.name
        self.found: dict[str, AnyValue] | None = None
        self.thread = threading.Thread(target=self._look, args=(entry_point,), daemon=True)
        self.thread.start()

    def _look(self, entry_point: EntryPoint) -> None:
        try:
            detector: Any = entry_point.load()()
            self.found = dict(detector.detect().attributes)
        except Exception as exc:  # noqa: BLE001  # whatever it is, the others have found something
            warn_once("A resource detector failed: %s: %r", self.name, exc)
            self.found = {}
