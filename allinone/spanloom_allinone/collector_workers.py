"""A collector of several processes, for more cores: one port, one store, one set of counters."""

import asyncio
import os
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

from spanloom_allinone import parts
from spanloom_allinone.serving import stop_signal
from spanloom_allinone.settings import StorageSettings
from spanloom_allinone.summary import print_summary
from spanloom_allinone.workers import Tether, Workers
from spanloom_model import address

if TYPE_CHECKING:
    from spanloom_collector.settings import CollectorSettings
    from spanloom_storage.api import OpenWriter


def run(settings: "CollectorSettings", place: StorageSettings, settings_file: Path | None) -> None:
    """Run as many workers as the settings say, until this process is told to end."""
    from spanloom_collector.settings import LISTENS
    from spanloom_storage.open import open_storage

    with ExitStack() as stack:
        found: dict[str, Any] = {
            setting: address.of(stack.enter_context(address.reserve(where)))
            for setting in LISTENS
            if (where := getattr(settings, setting))
        }
        bound = replace(settings, **found)
        # Where counters of all workers are, so that each of them can tell all; before they are made.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="spanloom-counters-")
        )
        writers = stack.enter_context(open_storage(place.address).writers(settings.workers))

        def work(number: int, tether: Tether) -> None:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_work(bound, writers[number], settings_file, tether))

        workers = Workers(settings.workers, work)
        workers.start()
        listening = [*parts.collector_listens(bound), parts.Listening("Storage", place.where)]
        print_summary(f"collector, {settings.workers} workers", listening, ())
        workers.watch()


async def _work(
    settings: "CollectorSettings", open_writer: "OpenWriter", settings_file: Path | None, tether: Tether
) -> None:
    stop = stop_signal()
    asyncio.get_running_loop().add_reader(tether.alive, stop.set)
    async with parts.running_collector(settings, open_writer, settings_file):
        tether.say_ready()
        await stop.wait()
