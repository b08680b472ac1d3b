"""The collector as a whole: its doors, before one receiver, before storage."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI

from spanloom_collector.budget import Budget
from spanloom_collector.counts import Counts
from spanloom_collector.grpc_server import running_grpc
from spanloom_collector.http import create_app
from spanloom_collector.receiver import Receiver
from spanloom_collector.settings import CollectorSettings
from spanloom_storage.api import SpanWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """A collector that takes spans."""

    http_app: FastAPI
    """To be served at `CollectorSettings.http_listen`."""
    grpc_address: str
    """Where gRPC is served already."""


@asynccontextmanager
async def running_collector(settings: CollectorSettings, writer: SpanWriter) -> AsyncIterator[Collector]:
    """Open the doors; leaving waits a second for requests on their way."""
    counts = Counts()
    writer.on_upkeep(counts.hear)
    receiver = Receiver(writer.write, counts)
    budget = Budget(settings.max_pending_bytes)
    async with running_grpc(receiver, counts, budget, settings) as grpc_address:
        http_app = create_app(receiver, counts, budget, max_request_bytes=settings.max_request_bytes)
        yield Collector(http_app=http_app, grpc_address=grpc_address)
