"""The call graph: every operation of every service, with what it does, says and takes."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from benchmarks.corpus import attributes as of
from benchmarks.corpus.kernels.rows import Role
from benchmarks.corpus.programs import Attributes
from benchmarks.corpus.services import SERVICES, STATEMENTS, Service

_SERVER, _CLIENT, _PRODUCER, _CONSUMER, _INTERNAL = 2, 3, 4, 5, 1
"""Kinds of spans, as OTLP numbers them."""
_KNOWS_USER: Final = {"checkout", "payment", "auth", "recommendation", "fraud", "ads"}


class Timing(NamedTuple):
    """How long a span takes itself: lognormal."""

    median_ms: float
    sigma: float


@dataclass(kw_only=True)
class Operation:
    """One kind of span of one service."""

    service: str
    name: str
    kind: int
    role: Role
    library: str
    """Whose instrumentation makes it."""
    attributes: Attributes
    timing: Timing
    fails: float = 0.0
    event: str = ""
    tells: float = 0.0
    callee: str = ""
    order: int = 0
    steps: list[tuple[float, str]] = field(default_factory=list)


def _kept(service: str, known: Service) -> dict[str, Operation]:
    """Statements, looks into the cache, messages and functions: what has nothing below it."""
    found: dict[str, Operation] = {}
    for place, table in enumerate(known.tables):
        for number, statement in enumerate(STATEMENTS):
            text = statement.format(table=table)
            found[f"{service} sql {number} {place}"] = Operation(
                service=service,
                name=f"{text.partition(' ')[0]} shop_{service}.{table}",
                kind=_CLIENT,
                role=Role.LEAF,
                library="sql",
                attributes=of.sql(service, table, text),
                timing=Timing((2.2, 0.6, 4.1, 1.6, 1.3)[number], 0.8),
                fails=0.018,
            )
    if known.cache:
        found[f"{service} cache"] = Operation(
            service=service,
            name="GET",
            kind=_CLIENT,
            role=Role.LEAF,
            library="cache",
            attributes=of.cache(known.cache),
            timing=Timing(0.35, 0.6),
            fails=0.006,
            event="cache.miss",
            tells=0.17,
        )
    for topic in known.sends:
        found[f"{service} send {topic}"] = Operation(
            service=service,
            name=f"send {topic}",
            kind=_PRODUCER,
            role=Role.PRODUCER,
            library="messages",
            attributes=of.message_sent(topic),
            timing=Timing(1.1, 0.7),
            fails=0.012,
        )
    for number, function in enumerate(known.works):
        found[f"{service} work {function}"] = Operation(
            service=service,
            name=function,
            kind=_INTERNAL,
            role=Role.LEAF,
            library="",
            attributes=of.work(service, function, 40 + 31 * number),
            timing=Timing(0.9, 1.0),
            fails=0.012,
        )
    return found


def _servers(service: str, known: Service) -> dict[str, Operation]:
    """What a service offers, and what it does with messages."""
    found: dict[str, Operation] = {}
    for offer in known.offers:
        method, _, route = offer.rpartition(" ")
        if service == "frontend":
            attributes = of.visitor_server(method, route)
        elif method:
            attributes = of.http_server(service, method, route)
        else:
            attributes = of.rpc_server(service, offer, knows_user=service in _KNOWS_USER)
        found[f"{service} {offer}"] = Operation(
            service=service,
            name=offer if method else f"shop.v1.{service.title()}/{offer}",
            kind=_SERVER,
            role=Role.SERVER,
            library="http" if method else "grpc",
            attributes=attributes,
            timing=Timing(1.4, 0.8),
            fails=0.015,
            order={"POST /checkout": 1, "GET /orders/{id}": 2}.get(offer, 0) if service == "frontend" else 0,
            steps=_steps(service, known, known.offers.index(offer)),
        )
    for number, topic in enumerate(known.receives):
        found[f"{service} process {topic}"] = Operation(
            service=service,
            name=f"process {topic}",
            kind=_CONSUMER,
            role=Role.CONSUMER,
            library="messages",
            attributes=of.message_received(service, topic),
            timing=Timing(3.0, 0.9),
            fails=0.018,
            order=2,
            steps=_steps(service, known, number),
        )
    return found


def _clients(service: str, known: Service) -> dict[str, Operation]:
    """Calls of what others offer."""
    found: dict[str, Operation] = {}
    for other in known.calls:
        for offer in SERVICES[other].offers:
            method, _, route = offer.rpartition(" ")
            query = "?expand=all" if method == "GET" and len(service) % 2 else ""
            found[f"{service} calls {other} {offer}"] = Operation(
                service=service,
                name=method or f"shop.v1.{other.title()}/{offer}",
                kind=_CLIENT,
                role=Role.CLIENT,
                library="http" if method else "grpc",
                attributes=of.http_client(other, method, route, query)
                if method
                else of.rpc_client(other, offer),
                timing=Timing(0.7, 0.5),
                fails=0.015,
                event="retry",
                tells=0.12,
                callee=f"{other} {offer}",
            )
    return found


def _steps(service: str, known: Service, number: int) -> list[tuple[float, str]]:
    """What the service's offer of this number does, each with how often it does."""
    offer = known.offers[number % len(known.offers)]
    changes = offer.startswith(("POST", "PATCH", "DELETE", "Place", "Create", "Reserve", "Capture", "Issue"))
    steps: list[tuple[float, str]] = []
    if known.cache:
        steps.append((0.7, f"{service} cache"))
    if known.works:
        steps.append((0.5, f"{service} work {known.works[number % len(known.works)]}"))
    if known.tables:
        steps.append((0.9, f"{service} sql {number % 3} {number % len(known.tables)}"))
    for place in range(min(3, len(known.calls))):
        other = known.calls[(number + 2 * place) % len(known.calls)]
        asked = SERVICES[other].offers[(number + place) % len(SERVICES[other].offers)]
        steps.append(((0.85, 0.6, 0.45)[place], f"{service} calls {other} {asked}"))
    if known.tables and changes:
        steps.append((0.9, f"{service} sql {3 + number % 2} {(number + 1) % len(known.tables)}"))
    if known.sends and (changes or len(known.offers) == 1):
        steps.append((0.8, f"{service} send {known.sends[number % len(known.sends)]}"))
    if service == "frontend" and offer == "POST /checkout":
        steps.append((1.0, "frontend calls checkout PlaceOrder"))
    return steps


def operations() -> dict[str, Operation]:
    """All of them, by keys that steps and callees are named by."""
    found: dict[str, Operation] = {}
    for service, known in SERVICES.items():
        found |= _servers(service, known) | _clients(service, known) | _kept(service, known)
    return found
