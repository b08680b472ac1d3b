"""What the browser is told to refuse."""

import re

import httpx
import pytest

from spanloom_ui.sample_traces import checkout_trace

CHECKOUT = checkout_trace()[0].trace_id.hex()
PATHS = (
    "/",
    "/search",
    "/search/operations?service=cart",
    f"/trace/{CHECKOUT}",
    f"/trace/{CHECKOUT}/span/0000000000000001",
    "/trace/xyz",
    "/nowhere",
    "/static/favicon.svg",
    "/static/built/trace.js",
)


@pytest.mark.parametrize("path", PATHS)
async def test_every_response_is_under_the_policy(shop: httpx.AsyncClient, path: str) -> None:
    """Nothing but our own files can run or load, on any page."""
    headers = (await shop.get(path)).headers
    assert headers["content-security-policy"].startswith(
        "default-src 'none'; script-src 'self'; style-src 'self';"
    )
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/search", f"/trace/{CHECKOUT}?span=0000000000000014", "/nowhere"])
async def test_no_page_needs_an_exception(shop: httpx.AsyncClient, path: str) -> None:
    """The policy costs nothing: no inline script, style or handler."""
    page = (await shop.get(path)).text
    assert not re.search(r"<[^>]*\s(style|on\w+)=", page)
    assert not re.search(r"<style|<script(?![^>]*\ssrc=)", page)


async def test_assets_are_kept_under_their_version(shop: httpx.AsyncClient) -> None:
    """A second page loads nothing twice, and a new release nothing stale."""
    page = (await shop.get("/search")).text
    for href in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
        assert "immutable" in (await shop.get(href)).headers["cache-control"]
    assert "immutable" not in (await shop.get("/static/built/trace.js?v=old")).headers["cache-control"]


async def test_pages_are_not_kept(shop: httpx.AsyncClient) -> None:
    """Going back shows what is stored now, and a shared cache keeps no one's traces."""
    assert (await shop.get("/search")).headers["cache-control"] == "no-store"
