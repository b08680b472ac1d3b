"""The collector as a whole: its doors, before one receiver, before storage."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import grpc
from prometheus_client import Counter
from starlette.applications import Starlette
from starlette.routing import Route

from spanloom_collector.budget import Budget
from spanloom_collector.counts import Counts
from spanloom_collector.doors import jaeger_grpc, jaeger_http, otlp_grpc, otlp_http, zipkin
from spanloom_collector.doors.entrance import Entrance
from spanloom_collector.doors.grpc_server import GrpcPort, running_grpc
from spanloom_collector.operations import operations
from spanloom_collector.pipeline.settings_file import FollowedPipeline
from spanloom_collector.receiver import Consume, Receiver
from spanloom_collector.sampling.answers import sampling_handlers, sampling_routes
from spanloom_collector.sampling.service import SamplingService
from spanloom_collector.settings import CollectorSettings
from spanloom_storage.api import SpanWriter
from spanloom_storage.limits import SpanLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpDoor:
    """What is to be served on one port."""

    app: Starlette
    count_refused: Callable[[str], None]
    """To be told the reason whenever a connection is ended before there is a request to judge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """A collector that takes spans."""

    http_doors: Mapping[str, HttpDoor]
    """To be served, each where the setting of that name says."""
    grpc_addresses: Mapping[str, str]
    """Where gRPC is served already, by the setting that said so."""


@asynccontextmanager
async def running_collector(
    settings: CollectorSettings, writer: SpanWriter, *, settings_file: Path | None = None
) -> AsyncIterator[Collector]:
    """Open the doors; leaving waits a second for requests on their way.

    The stages of *settings_file* stand between doors and writer, and follow the file.
    """
    counts = Counts()
    writer.on_upkeep(counts.hear)
    pipeline = FollowedPipeline(settings_file, then=writer.write, counts=counts.pipeline)
    entrance = Entrance(
        receiver=_receiver(settings, pipeline.consume, counts),
        counts=counts,
        budget=Budget(settings.max_pending_bytes),
        max_request_bytes=settings.max_request_bytes,
    )
    sampling = SamplingService(
        settings.sampling_strategies, default_probability=settings.sampling_probability
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(pipeline.running())
        await stack.enter_async_context(sampling.running())
        addresses = {}
        for setting, services in _grpc_doors(settings, entrance, sampling).items():
            if listen := getattr(settings, setting):
                running = running_grpc(listen, services, settings)
                addresses[setting] = await stack.enter_async_context(running)
        asked = operations(entrance.counts, entrance.receiver, pipeline, sampling)
        yield Collector(
            http_doors=_http_doors(settings, entrance, sampling_routes(sampling), asked),
            grpc_addresses=addresses,
        )


def _receiver(settings: CollectorSettings, consume: Consume, counts: Counts) -> Receiver:
    limits = SpanLimits(max_attributes=settings.max_attributes, max_value_bytes=settings.max_value_bytes)
    return Receiver(consume, counts, max_request_spans=settings.max_request_spans, limits=limits)


def _grpc_doors(
    settings: CollectorSettings, entrance: Entrance, sampling: SamplingService
) -> dict[str, list[grpc.GenericRpcHandler]]:
    """What is served where each setting says."""
    reading = asyncio.Semaphore(max(1, settings.max_pending_bytes // settings.max_request_bytes))
    otlp, jaeger = (
        GrpcPort(
            door=door, counts=entrance.counts, budget=entrance.budget, reading=reading, idle_s=settings.idle_s
        )
        for door in (otlp_grpc.DOOR, jaeger_grpc.DOOR)
    )
    return {
        "grpc_listen": [otlp_grpc.service(entrance.receiver, otlp)],
        "jaeger_grpc_listen": [jaeger_grpc.service(entrance, jaeger), sampling_handlers(sampling)],
    }


def _http_doors(
    settings: CollectorSettings, entrance: Entrance, samplers: Sequence[Route], asked: Sequence[Route]
) -> dict[str, HttpDoor]:
    """The same over HTTP, where the door is open."""
    apps = {
        "http_listen": (otlp_http.DOOR, otlp_http.create_app(entrance, [*samplers, *asked])),
        "jaeger_http_listen": (
            jaeger_http.DOOR,
            Starlette(routes=[*jaeger_http.routes(entrance), *samplers, *asked]),
        ),
        "zipkin_listen": (zipkin.DOOR, Starlette(routes=[*zipkin.routes(entrance), *asked])),
    }
    refused = entrance.counts.connections_refused
    return {
        setting: HttpDoor(app=app, count_refused=partial(_count, refused, door))
        for setting, (door, app) in apps.items()
        if getattr(settings, setting)
    }


def _count(counter: Counter, door: str, reason: str) -> None:
    counter.labels(door, reason).inc()
