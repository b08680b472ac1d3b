"""A span walks from an application to the page without a socket: every part, in this process."""

import socket
from contextlib import AsyncExitStack
from typing import Any

import httpx
from opentelemetry import trace as api
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

import spanloom_agent.counts
import spanloom_query.app
import spanloom_ui.app
from spanloom_agent.agent import running_pipeline
from spanloom_agent.intake import Intake
from spanloom_agent.settings import AgentSettings
from spanloom_agent.slots import SLOT_BYTES
from spanloom_collector.collector import running_collector
from spanloom_collector.settings import LISTENS, CollectorSettings
from spanloom_instrumentation import UdpSpanExporter
from spanloom_storage.memory import MemoryStorage
from tests.agent.in_process import over


def buy_something(provider: TracerProvider) -> str:
    """What an application does; returns the trace's id."""
    tracer = provider.get_tracer("shop.checkout", "1.0")
    with tracer.start_as_current_span("POST /checkout", kind=SpanKind.SERVER) as root:
        root.set_attribute("http.response.status_code", 502)
        link = Link(root.get_span_context(), {"why": "batch"})
        with tracer.start_as_current_span("charge card", kind=SpanKind.CLIENT, links=[link]) as charge:
            charge.add_event("payment declined", {"provider.code": "insufficient_funds"})
            charge.set_status(Status(StatusCode.ERROR, "card declined"))
        return api.format_trace_id(root.get_span_context().trace_id)


async def test_span_walks_from_application_to_page() -> None:
    """What an application says of a request is what a person reads on the trace page."""
    storage = MemoryStorage()
    settings = AgentSettings(linger_s=0, spool_dir="")
    shut: dict[str, Any] = dict.fromkeys(LISTENS, "")
    only_http = CollectorSettings(**{**shut, "http_listen": "without a socket"})
    async with AsyncExitStack() as stack:
        collector = await stack.enter_async_context(running_collector(only_http, storage))
        to_collector = over(httpx.ASGITransport(collector.http_doors["http_listen"].app))
        agent_counts, buffer = spanloom_agent.counts.Counts(), bytearray(SLOT_BYTES)
        pipeline = await stack.enter_async_context(running_pipeline(settings, agent_counts, to_collector))
        intake = Intake(buffer, pipeline.spool, agent_counts)
        exporter = UdpSpanExporter(settings.udp_listen, send=intake.take_one)
        provider = TracerProvider(resource=Resource({"service.name": "checkout"}), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        trace_id = buy_something(provider)

    query = httpx.AsyncClient(
        transport=httpx.ASGITransport(spanloom_query.app.create_app(storage)), base_url="http://query"
    )
    pages = httpx.AsyncClient(
        transport=httpx.ASGITransport(spanloom_ui.app.create_app(query)), base_url="http://pages"
    )
    found = await pages.get("/search", params={"service": "checkout"})
    assert f'href="/trace/{trace_id}' in found.text
    assert "POST /checkout" in found.text

    tree = (await query.get(f"/api/v1/traces/{trace_id}/tree")).json()
    charge_id = tree["spans"][1]["span_id"]
    page = (await pages.get(f"/trace/{trace_id}", params={"span": charge_id})).text
    for told in ("checkout", "charge card", "payment declined", "insufficient_funds", "card declined", "why"):
        assert told in page
    assert "shop.checkout" in page, "the instrumentation scope is told too"
    assert socket.gethostname() in page, "the agent has said where this was"
