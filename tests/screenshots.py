"""Pictures for the documentation, of the demo as a stranger sees it: `scripts/screenshots`."""

import asyncio
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import httpx
from playwright.async_api import async_playwright

from tests.conftest import CHROMIUM_NAMES, QUIET
from tests.processes import Running, Spanloom

DEMO_S: Final = 25


def failed_checkout(running: Running) -> str:
    """A checkout whose payment had to be tried again: the path of its trace page, the payment chosen."""
    traces = httpx.get(
        f"{running.url}/api/v1/traces", params={"operation": "charge card", "limit": 500}
    ).json()
    most_spans = max(traces["traces"], key=lambda trace: (bool(trace["error_count"]), trace["span_count"]))
    trace_id = most_spans["trace_id"]
    tree = httpx.get(f"{running.url}/api/v1/traces/{trace_id}/tree").json()
    told = next(row for row in tree["spans"] if row["name"] == "charge card")
    return f"/trace/{trace_id}?span={told['span_id']}"


async def photograph(running: Running, target: Path) -> None:
    """The trace page, light and dark."""
    chromium_path = next(filter(None, map(shutil.which, CHROMIUM_NAMES)))
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=chromium_path, args=list(QUIET))
        for scheme in ("light", "dark"):
            page = await chromium.new_page(
                base_url=running.url,
                viewport={"width": 1440, "height": 860},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            await page.goto(failed_checkout(running), wait_until="networkidle")
            await page.screenshot(path=target / f"trace-{scheme}.png")
        await chromium.close()


def main() -> None:
    """Run the demo for a while and take its pictures."""
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        spanloom = Spanloom(Path(data) / "data")
        try:
            running = spanloom.start("run", "--demo", "--demo-rate", "6")
            time.sleep(DEMO_S)
            asyncio.run(photograph(running, target))
            running.stop()
        finally:
            spanloom.kill_all()


if __name__ == "__main__":
    main()
