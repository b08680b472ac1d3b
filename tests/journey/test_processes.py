"""A span walks from real applications to a real browser, over real sockets and processes."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page
from prometheus_client.parser import text_string_to_metric_families

from tests.processes import Running, Spanloom

pytestmark = pytest.mark.asyncio(loop_scope="session")

APPLICATION = """
from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode
{configure}
tracer = trace.get_tracer("shop")
with tracer.start_as_current_span("checkout"):
    with tracer.start_as_current_span("reserve"):
        with tracer.start_as_current_span("SELECT stock", attributes={{"db.system.name": "sqlite"}}):
            pass
    with tracer.start_as_current_span("pay") as pay:
        pay.add_event("payment declined", {{"provider.code": "insufficient_funds"}})
        pay.set_status(Status(StatusCode.ERROR, "card declined"))
trace.get_tracer_provider().shutdown()
"""

UDP = """
import spanloom_instrumentation
spanloom_instrumentation.configure(service="{service}", agent="{udp}")
"""

STOCK = """
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.exporter.otlp.proto.{protocol}.trace_exporter import OTLPSpanExporter
provider = TracerProvider(resource=Resource.create({{"service.name": "{service}"}}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter({arguments})))
trace.set_tracer_provider(provider)
"""


def over_udp(running: Running) -> str:
    """An application with one line of ours."""
    return UDP.format(service="udp-shop", udp=running.ports.udp)


def over_grpc(running: Running) -> str:
    """An application with OpenTelemetry's own exporter for gRPC, as its documentation has it."""
    arguments = f'endpoint="http://{running.ports.grpc}", insecure=True'
    return STOCK.format(service="grpc-shop", protocol="grpc", arguments=arguments)


def over_http(running: Running) -> str:
    """An application with OpenTelemetry's own exporter for HTTP, with compression."""
    arguments = (
        f'endpoint="http://{running.ports.http}/v1/traces", compression=__import__('
        '"opentelemetry.exporter.otlp.proto.http", fromlist=["Compression"]).Compression.Gzip'
    )
    return STOCK.format(service="http-shop", protocol="http", arguments=arguments)


def run_application(configure: str) -> None:
    """Run the application in a process of its own."""
    program = APPLICATION.format(configure=configure)
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stderr == ""


async def read_tree(page: Page) -> list[tuple[int, str]]:
    """(depth, operation) of each row, as the page tells a screen reader."""
    rows = page.get_by_role("row").filter(has=page.locator(".operation-name"))
    return [
        (int(await row.get_attribute("aria-level") or 0), await row.locator(".operation-name").inner_text())
        for row in await rows.all()
    ]


async def check_page(browser: Browser, running: Running, service: str) -> None:
    """From the search page to the annotation, as a person goes."""
    context = await browser.new_context(base_url=running.url)
    context.set_default_timeout(10_000)
    page = await context.new_page()
    await page.goto(f"/search?service={service}")
    await page.get_by_role("link", name="checkout").first.click()
    await page.wait_for_url("**/trace/*")
    assert await read_tree(page) == [(1, "checkout"), (2, "reserve"), (3, "SELECT stock"), (2, "pay")]
    await page.get_by_role("row").filter(has_text="pay").locator("a").first.click()
    details = page.get_by_label("Details of the chosen span")
    await details.get_by_text("payment declined").wait_for()
    told = await details.inner_text()
    assert "insufficient_funds" in told
    assert "card declined" in told
    await context.close()


@pytest.mark.parametrize(
    ("configure", "service"),
    [(over_udp, "udp-shop"), (over_grpc, "grpc-shop"), (over_http, "http-shop")],
    ids=["udp", "stock-grpc", "stock-http"],
)
async def test_application_to_browser(
    browser: Browser, running: Running, configure: Callable[[Running], str], service: str
) -> None:
    """Whichever way a service sends its spans, its trace is on the page, with depth and annotations."""
    await asyncio.to_thread(run_application, configure(running))
    await asyncio.to_thread(running.wait_for_traces, 1, service=service)
    await check_page(browser, running, service)


async def test_each_part_in_a_process_of_its_own(browser: Browser, spanloom: Spanloom) -> None:
    """Agent, collector and query as separate processes, as docker-compose.yml starts them."""
    await asyncio.to_thread(spanloom.start, "collector")
    await asyncio.to_thread(spanloom.start, "agent")
    query = await asyncio.to_thread(spanloom.start, "query")
    await asyncio.to_thread(run_application, over_udp(query))
    await asyncio.to_thread(query.wait_for_traces, 1, service="udp-shop")
    await check_page(browser, query, "udp-shop")


async def test_api_is_described_where_it_is_served(browser: Browser, running: Running) -> None:
    """/docs lists the API's routes, without a request to any other host."""
    context = await browser.new_context(base_url=running.url)
    page = await context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto("/docs", wait_until="networkidle")
    for route in ("/api/v1/services", "/api/v1/traces", "/api/v1/traces/{trace_id}/tree"):
        await page.get_by_role("link", name=route, exact=True).wait_for()
    assert all(url.startswith((running.url, "data:", "blob:")) for url in asked)
    await context.close()


async def test_collector_restart_loses_nothing(spanloom: Spanloom) -> None:
    """Spans sent while the collector is killed and started again wait in the agent."""
    collector = await asyncio.to_thread(spanloom.start, "collector")
    await asyncio.to_thread(spanloom.start, "agent")
    query = await asyncio.to_thread(spanloom.start, "query")
    await asyncio.to_thread(run_application, over_udp(query))
    await asyncio.to_thread(query.wait_for_traces, 1)
    collector.process.kill()
    collector.process.wait()
    await asyncio.to_thread(run_application, over_udp(query))
    await asyncio.to_thread(spanloom.start, "collector")
    await asyncio.to_thread(query.wait_for_traces, 2)


BURST = """
import spanloom_instrumentation
from opentelemetry import trace
provider = spanloom_instrumentation.configure(service="burst", agent="{udp}")
tracer = trace.get_tracer("burst")
for number in range({count}):
    tracer.start_span("one of many", attributes={{"number": number}}).end()
provider.shutdown()
"""


def figures(address: str, service: str) -> dict[str, float]:
    """What the agent has counted for a service."""
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(httpx.get(f"http://{address}/metrics").text)
        for sample in family.samples
        if sample.labels.get("service") == service
    }


async def test_counters_add_up_to_what_was_made(running: Running) -> None:
    """A burst beyond what a queue and UDP can take: no span is missing from both store and counters."""
    count = 30_000
    program = BURST.format(udp=running.ports.udp, count=count)
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program], check=True, timeout=60)
    await asyncio.sleep(1)
    counted = figures(running.ports.agent, "burst")
    received = counted["spanloom_agent_spans_received_total"]
    lost = counted.get("spanloom_agent_spans_lost", 0)
    dropped = counted.get("spanloom_agent_spans_dropped_by_senders_total", 0)
    assert received + lost + dropped == count
    stored = httpx.get(f"http://{running.ports.http}/metrics").text
    assert f'spanloom_collector_spans_stored_total{{door="otlp-http"}} {received}' in stored


async def tree_at_rest(url: str) -> dict[str, Any]:
    """A trace once its last services have flushed: its tree with a consumer, unchanged for two seconds."""
    before: dict[str, Any] = {"spans": []}
    deadline = asyncio.get_running_loop().time() + 30
    while asyncio.get_running_loop().time() < deadline:
        tree: dict[str, Any] = httpx.get(url).json()
        if tree == before and any(row["kind"] == "consumer" for row in tree["spans"]):
            break
        before = tree
        await asyncio.sleep(2)
    return before


async def test_demo_shop_is_seen_within_seconds(browser: Browser, spanloom: Spanloom) -> None:
    """A stranger's first minute: at least six services, a trace across them, a queue and a database in it."""
    running = await asyncio.to_thread(spanloom.start, "run", "--demo", "--demo-rate", "8")
    checkouts = await asyncio.to_thread(running.wait_for_traces, 3, operation="send orders")
    await asyncio.to_thread(running.wait_for_traces, 1, service="warehouse")
    services = httpx.get(f"{running.url}/api/v1/services").json()["services"]
    assert len(services) >= 6
    trace_id = checkouts[-1]["trace_id"]
    tree = await tree_at_rest(f"{running.url}/api/v1/traces/{trace_id}/tree")
    assert {"producer", "consumer"} <= {row["kind"] for row in tree["spans"]}
    assert any(one["key"] == "db.query.text" for row in tree["spans"] for one in row["attributes"]), (
        "SQL is told"
    )
    context = await browser.new_context(base_url=running.url)
    page = await context.new_page()
    await page.goto(f"/trace/{trace_id}")
    assert len(await read_tree(page)) == tree["span_count"]
    await context.close()
    code, said = await asyncio.to_thread(running.stop)
    assert (code, said) == (0, "")
