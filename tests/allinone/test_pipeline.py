"""Stages of a settings file, in a collector as people run it."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from spanloom_model.span import Attributes, Span
from spanloom_storage.embedded import EmbeddedStorage
from spanloom_storage.spans import spans_of
from spanloom_storage.testing.requests import request_of
from spanloom_storage.testing.samples import span, trace_id
from tests.processes import Running, Spanloom

STAGES = """
[[collector.stages]]
do = "drop"
where = {{ name = "GET /health" }}

[[collector.stages]]
do = "redact"
keys = ["password"]
with = "{mask}"
"""


def export(collector: Running, *spans: Span) -> None:
    """Send spans, which are acknowledged."""
    headers = {"content-type": "application/x-protobuf"}
    where = f"http://{collector.ports.http}/v1/traces"
    assert httpx.post(where, content=request_of(spans), headers=headers).status_code == 200


def stored(store: Path, number: int) -> list[Span]:
    """The spans of a trace."""

    async def ask() -> list[Span]:
        async with EmbeddedStorage(store).reader() as reader:
            return spans_of(await reader.trace(trace_id(number)))

    return asyncio.run(ask())


def health(collector: Running) -> dict[str, str]:
    """What the collector says of itself."""
    found: dict[str, str] = httpx.get(f"http://{collector.ports.http}/health").json()
    return found


def wait_until(holds: Callable[[], bool]) -> None:
    """Within ten seconds."""
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_stages_stand_before_storage_and_follow_the_file(
    spanloom: Spanloom, tmp_path: Path, workers: str
) -> None:
    """A secret never reaches the disk; a new rule soon holds, a wrong one is told and changes nothing."""
    file = tmp_path / "spanloom.toml"
    file.write_text(STAGES.format(mask="****"))
    collector = spanloom.start("collector", "--config", str(file), "--collector-workers", workers)
    secret = Attributes((("password", "hunter2"),))
    export(collector, span(1, 1, attributes=secret), span(1, 2, name="GET /health"))
    (found,) = stored(spanloom.data, 1)
    assert dict(found.attributes) == {"password": "****"}
    assert b"hunter2" not in b"".join(
        path.read_bytes() for path in spanloom.data.rglob("*") if path.is_file()
    )
    file.write_text(STAGES.format(mask="gone"))
    number = 1

    def is_gone() -> bool:
        nonlocal number
        number += 1
        export(collector, span(number, 1, attributes=secret))
        return dict(stored(spanloom.data, number)[0].attributes) == {"password": "gone"}

    wait_until(is_gone)
    file.write_text(STAGES.format(mask="x").replace('"drop"', '"drip"'))
    wait_until(lambda: "drip" in health(collector).get("reason", ""))
    wait_until(is_gone)


def test_wrong_stages_end_the_command_with_a_sentence(spanloom: Spanloom, tmp_path: Path) -> None:
    """Before anything is taken, and saying which stage, which value and what is allowed."""
    file = tmp_path / "spanloom.toml"
    file.write_text('[[collector.stages]]\ndo = "sample"\nprobability = 2\n')
    code, said = spanloom.fail("collector", "--config", str(file))
    assert code == 1
    assert said.count("\n") == 1
    assert "probability" in said
    assert str(file) in said
