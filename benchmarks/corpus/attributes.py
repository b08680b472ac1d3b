"""What each kind of span says of itself, named as OpenTelemetry's semantic conventions have it."""

from typing import Final

from benchmarks.corpus.kernels.rows import Code, Source
from benchmarks.corpus.programs import (
    Address,
    Attributes,
    Maybe,
    Number,
    OneOf,
    Padded,
    Real,
    Truth,
    Value,
    WithOrder,
    words,
)
from benchmarks.corpus.services import AGENTS, SERVICE_AGENTS, SERVICES

COPIES: Final = 3
"""Instances of a service."""
HOSTS: Final = 12


def host(instance: int) -> int:
    """Where an instance runs: those of a service are on three hosts."""
    service, copy = divmod(instance, COPIES)
    return (service + HOSTS // COPIES * copy) % HOSTS


_ADDRESSES: Final = tuple(f"10.4.{host(number)}.{10 + number}" for number in range(COPIES * len(SERVICES)))
"""Of instances."""

_PRODUCT: Final = Number(Source.SKEWED, 100_000, 150_000)
_USER: Final = words("user-", Padded(Number(Source.USER), 6))
_CART: Final = Padded(Number(Source.CART), 16, Code.HEX)
_ORDER: Final[tuple[str, Value]] = (
    "app.order.id",
    words("ord-", Padded(Number(Source.ORDER), 8, Code.HEX)),
)
_THREAD: Final[tuple[str, Value]] = ("thread.id", Number(Source.THREAD))
_PEER: Final[tuple[str, Value]] = (
    "network.peer.address",
    words(OneOf(Number(Source.PEER), _ADDRESSES)),
)
_PEER_PORT: Final[tuple[str, Value]] = ("network.peer.port", Number(Source.RANDOM, 32_768, 61_000))
_HANDLES_ORDERS: Final = {"orders", "email", "notification"}
_MESSAGE: Final = words(*(Padded(Number(Source.BITS), 16, Code.HEX) for _ in range(2)))
_ROWS: Final = Number(Source.RANDOM, 0, 50)


def _address(service: str) -> str:
    return f"{service}.shop.svc.cluster.local"


def _path(route: str) -> tuple[str | Number | Padded, ...]:
    """A route with numbers in it, the same at both ends of a call."""
    before, found, behind = route.partition("{id}")
    if not found:
        return (route,)
    inside: Number | Padded = _CART if "/cart" in before else _PRODUCT
    if "/orders/" in before or "/users/" in before:
        inside = Number(Source.SHARED, 10_000_000, 99_999_999)
    return before, inside, behind


def visitor_server(method: str, route: str) -> Attributes:
    """The frontend's, asked by a browser."""
    return [
        ("http.request.method", method),
        ("http.route", route),
        ("url.scheme", "https"),
        ("server.address", "www.shop.example"),
        ("url.path", words(*_path(route))),
        ("http.response.status_code", Number(Source.HTTP_STATUS)),
        ("user_agent.original", words(OneOf(Number(Source.SKEWED, 0, len(AGENTS)), AGENTS))),
        ("network.peer.address", words(Address(Number(Source.HOME)))),
        ("enduser.id", _USER),
        *((("app.cart.value", Real(Source.CART_VALUE)),) if "cart" in route or "checkout" in route else ()),
        *(() if "cart" in route or "checkout" in route else (_THREAD,)),
    ]


def http_server(service: str, method: str, route: str) -> Attributes:
    """One service's, asked by another."""
    agents = tuple(SERVICE_AGENTS.values())
    return [
        ("http.request.method", method),
        ("http.route", route),
        ("server.address", _address(service)),
        ("server.port", 8080),
        ("url.path", words(*_path(route))),
        ("http.response.status_code", Number(Source.HTTP_STATUS)),
        ("user_agent.original", words(OneOf(Number(Source.SHARED, 0, len(agents)), agents))),
        _PEER,
        _THREAD,
        *((WithOrder((_ORDER,)),) if service in _HANDLES_ORDERS else (_PEER_PORT,)),
    ]


def http_client(service: str, method: str, route: str, query: str) -> Attributes:
    """A call of a service."""
    return [
        ("http.request.method", method),
        ("server.address", _address(service)),
        ("server.port", 8080),
        ("network.protocol.version", "1.1"),
        ("url.full", words(f"http://{_address(service)}:8080", *_path(route), query)),
        ("http.response.status_code", Number(Source.HTTP_STATUS)),
        ("http.response.body.size", Number(Source.SIZE, 1_800)),
        _PEER,
        _THREAD,
    ]


def rpc_server(service: str, method: str, *, knows_user: bool) -> Attributes:
    """One service's, called by another."""
    return [
        ("rpc.system", "grpc"),
        ("rpc.service", f"shop.v1.{service.title()}"),
        ("rpc.method", method),
        ("server.address", _address(service)),
        ("server.port", 9090),
        ("rpc.grpc.status_code", Number(Source.GRPC_STATUS)),
        _PEER,
        _THREAD,
        *((("enduser.id", _USER),) if knows_user else (("app.sku", words("sku-", _PRODUCT)),)),
        WithOrder((_ORDER,)),
    ]


def rpc_client(service: str, method: str) -> Attributes:
    """A call of a service."""
    return [
        ("rpc.system", "grpc"),
        ("rpc.service", f"shop.v1.{service.title()}"),
        ("rpc.method", method),
        ("server.address", _address(service)),
        ("server.port", 9090),
        ("rpc.grpc.status_code", Number(Source.GRPC_STATUS)),
        ("app.deadline.ms", Number(Source.DEADLINE, 1, 30)),
        _PEER,
        _THREAD,
    ]


def sql(service: str, table: str, statement: str) -> Attributes:
    """A statement; where it has its values in it, an id."""
    before, _, behind = statement.partition("{id}")
    text = statement if before == statement else words(before, _PRODUCT, behind)
    return [
        ("db.system.name", "postgresql"),
        ("db.namespace", f"shop_{service}"),
        ("db.collection.name", table),
        ("db.operation.name", statement.partition(" ")[0]),
        ("db.query.text", text),
        ("server.address", f"pg-{service}-primary.shop.internal"),
        ("server.port", 5432),
        ("db.response.returned_rows", _ROWS),
        _THREAD,
    ]


def cache(kept: str) -> Attributes:
    """A look into a cache."""
    key = _CART if kept in {"cart", "quote", "page"} else _PRODUCT
    if kept in {"user", "token", "risk", "device"}:
        key = Padded(Number(Source.USER), 6)
    return [
        ("db.system.name", "redis"),
        ("db.operation.name", "GET"),
        ("db.query.text", words(f"GET shop:{kept}:", key)),
        ("server.address", "redis-cluster.shop.internal"),
        ("server.port", 6379),
        ("network.transport", "tcp"),
        ("network.peer.address", words("10.9.0.", Number(Source.RANDOM, 11, 17))),
        ("app.cache.hit", Truth(Source.HIT)),
        _THREAD,
    ]


def message_sent(topic: str) -> Attributes:
    """A producer's."""
    return [
        ("messaging.system", "kafka"),
        ("messaging.destination.name", topic),
        ("messaging.operation.type", "send"),
        ("server.address", "kafka.shop.internal"),
        ("messaging.message.id", _MESSAGE),
        ("messaging.destination.partition.id", words(Number(Source.RANDOM, 0, 24))),
        ("messaging.kafka.offset", Number(Source.OFFSET, 48_000_000)),
        ("messaging.message.body.size", Number(Source.SIZE, 900)),
        _THREAD,
        WithOrder((_ORDER,)),
    ]


def message_received(service: str, topic: str) -> Attributes:
    """A consumer's."""
    return [
        ("messaging.system", "kafka"),
        ("messaging.destination.name", topic),
        ("messaging.operation.type", "process"),
        ("messaging.consumer.group.name", service),
        ("messaging.message.id", _MESSAGE),
        ("messaging.destination.partition.id", words(Number(Source.RANDOM, 0, 24))),
        ("messaging.kafka.offset", Number(Source.OFFSET, 48_000_000)),
        ("messaging.message.body.size", Number(Source.SIZE, 900)),
        _THREAD,
        WithOrder((_ORDER,)),
    ]


def work(service: str, function: str, line: int) -> Attributes:
    """A function's."""
    return [
        ("code.function.name", f"shop.{service}.{function}"),
        ("code.file.path", f"/app/shop/{service}/{function.lower()}"),
        ("code.line.number", line),
        ("thread.name", f"{service}-worker"),
        ("app.feature.enabled", Truth(Source.PERMILLE, 300)),
        ("app.items.count", Number(Source.RANDOM, 1, 40)),
        ("app.score", Real(Source.UNIFORM)),
        _THREAD,
        Maybe(500, (("app.queue.seconds", Real(Source.SECONDS, 4_000)),)),
    ]
