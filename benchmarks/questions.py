"""What people ask a store: taken from what is in it, different every time, and timed."""

import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

from spanloom_model.ids import TraceId
from spanloom_storage.api import Place, SpanQuery, SpanReader, TraceQuery
from spanloom_storage.conditions import Attribute, Compare, Intrinsic, Operator, Owner
from spanloom_storage.span_sets import Spans, span_with

Ask = Callable[[random.Random], Awaitable[object]]

BY_ID: Final = "trace by id"
NEWEST: Final = "newest 20 of a service"


async def everywhere(reader: SpanReader) -> list[TraceId]:
    """Traces from all over the store: twenty from each of twenty moments."""
    newest = (await reader.find(TraceQuery(limit=1))).traces[0].start_ns
    counts = await reader.counts(SpanQuery(), step_ns=10**9)
    oldest = counts.start_ns[0]
    ids: list[TraceId] = []
    for step in range(20):
        moment = oldest + (newest - oldest) * (step + 1) // 20
        after = Place(start_ns=moment, trace_id=TraceId(bytes(16)))
        ids += [summary.trace_id for summary in (await reader.find(TraceQuery(after=after))).traces]
    return ids


async def questions(reader: SpanReader) -> dict[str, Ask]:
    """Named questions that differ every time."""
    services = await reader.services()
    operations = {service: await reader.operations(service) for service in services}
    ids = await everywhere(reader)
    orders = await reader.values(Attribute(Owner.SPAN, "app.order.id"), SpanQuery(), limit=300)
    rare = [str(one.value) for one in orders.values]

    def of(**facts: object) -> Awaitable[object]:
        return reader.find(TraceQuery(where=span_with(**facts)))  # type: ignore[arg-type]  # named at each call

    def service_and_operation(chance: random.Random, **more: object) -> Awaitable[object]:
        service = chance.choice(services)
        return of(service=service, name=chance.choice(list(operations[service])).name, **more)

    def attribute(key: str, operator: Operator, value: str) -> Awaitable[object]:
        condition = Compare(Attribute(Owner.SPAN, key), operator, value)
        return reader.find(TraceQuery(where=Spans(condition)))

    return {
        BY_ID: lambda chance: reader.trace(chance.choice(ids)),
        NEWEST: lambda chance: of(service=chance.choice(services)),
        "service + operation": service_and_operation,
        "service + operation + min duration": lambda chance: service_and_operation(
            chance, min_duration_ns=20_000_000
        ),
        "rare value, any service": lambda chance: attribute(
            "app.order.id", Operator.EQUAL, chance.choice(rare)
        ),
        "regex on url.full": lambda chance: attribute(
            "url.full", Operator.MATCHES, f".*/{chance.randrange(10**8, 10**9)}.expand=all"
        ),
        "RED by service and operation": lambda _: reader.figures(SpanQuery()),
        "spans of one service over time": lambda chance: reader.counts(
            SpanQuery(where=Compare(Intrinsic.SERVICE, Operator.EQUAL, chance.choice(services))),
            step_ns=10**9,
        ),
        "top values of http.route": lambda _: reader.values(Attribute(Owner.SPAN, "http.route"), SpanQuery()),
        "service links": lambda _: reader.service_links(SpanQuery()),
    }


async def times_ms(ask: Ask, rounds: int, *, seed: int = 2) -> list[float]:
    """How long each of so many answers took, in order, after one that does not count."""
    chance = random.Random(seed)  # noqa: S311  # the same questions every time
    await ask(chance)
    times = []
    for _ in range(rounds):
        began = time.monotonic()
        await ask(chance)
        times.append((time.monotonic() - began) * 1000)
    return sorted(times)


async def first_answer_ms(reader: SpanReader) -> float:
    """How long a reader that has just begun takes to list the newest traces."""
    began = time.monotonic()
    await reader.find(TraceQuery())
    return (time.monotonic() - began) * 1000
