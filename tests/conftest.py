"""What tests of several parts share: a browser, and Spanloom in processes of its own."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.processes import Running, Spanloom

CHROMIUM_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
QUIET: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Headless Chromium, the system's own; tests that use it run on the session's event loop."""
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if found is None:
        pytest.fail("these tests read pages in Chromium: run scripts/chromium, or install it")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=found, args=list(QUIET))
        yield chromium
        await chromium.close()


@pytest.fixture
def spanloom(tmp_path: Path) -> Iterator[Spanloom]:
    """Starts `spanloom` commands on ports of their own; whatever still runs at the end is killed."""
    launcher = Spanloom(tmp_path / "data")
    yield launcher
    launcher.kill_all()


@pytest.fixture
def running(spanloom: Spanloom) -> Running:
    """`spanloom run` on an empty store."""
    return spanloom.start("run")
