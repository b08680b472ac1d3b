"""Traffic as services send it: deterministic OTLP requests of a shop of twenty services on twelve hosts.

python benchmarks/corpus.py [--spans 1000000] [--request-spans 1000] FILE

Traces are walks through a call graph, heavy-tailed in size; names and attributes follow OpenTelemetry's
semantic conventions. Each host flushes the spans of its services when it has a request full, so the
spans of a trace come in several requests. FILE gets each request behind its length (uint32, little-endian).

What is beyond the first million spans repeats it with other ids, times and order numbers.
"""

import argparse
import dataclasses
import random
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from spanloom_model.wire import field, varint

BASE_NS: Final = 1_780_000_000_000_000_000
SPANS_A_SECOND: Final = 20_000
"""In the corpus' own time."""
PERIOD_SPANS: Final = 1_000_000
HOSTS: Final = 12
USERS: Final = 100_000

CALLS: Final[dict[str, tuple[str, ...]]] = {
    "frontend": ("checkout", "catalog", "cart", "users", "search", "recommendation", "ads"),
    "checkout": ("cart", "payment", "orders", "shipping", "inventory", "users", "currency"),
    "catalog": ("pricing", "inventory", "reviews", "currency"),
    "cart": ("pricing", "inventory", "promotion"),
    "users": ("auth",),
    "search": ("catalog", "recommendation"),
    "recommendation": ("catalog", "users"),
    "orders": ("inventory", "billing", "shipping"),
    "payment": ("fraud", "billing"),
    "shipping": ("geo", "inventory"),
    "billing": ("currency",),
    "reviews": ("users",),
    "promotion": ("pricing",),
    "auth": (),
    "pricing": ("currency",),
    "inventory": (),
    "fraud": ("geo", "users"),
    "geo": (),
    "ads": ("users",),
    "currency": (),
}
SERVICES: Final = list(CALLS)
_ENTRIES: Final = (
    ("GET", "/"),
    ("GET", "/products/{id}"),
    ("GET", "/search"),
    ("POST", "/cart/{id}/items"),
    ("POST", "/checkout"),
    ("GET", "/orders/{id}"),
    ("GET", "/account"),
)
_METHODS: Final = ("Get", "List", "Create", "Update", "Check", "Reserve")
_AGENTS: Final = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1",
    "okhttp/4.12.0",
)
_STACK: Final = "".join(
    f'  File "/app/shop/{part}.py", line {40 + 7 * number}, in {part}\n    return self._{part}(request)\n'
    for number, part in enumerate(("handle", "reserve", "commit"))
)


def pair(key: str, value: str | float | bool, number: int = 9) -> bytes:
    """An attribute; of a span unless another field's number is given."""
    match value:
        case bool():
            scalar = b"\x10" + varint(value)
        case int():
            scalar = b"\x18" + varint(value)
        case float():
            scalar = b"\x21" + struct.pack("<d", value)
        case _:
            scalar = field(1, value.encode())
    return field(number, field(1, key.encode()) + field(2, scalar))


@dataclass(slots=True)
class Request:
    """One request, and where in it are the things that another period has otherwise."""

    data: bytes
    span_count: int
    ids: npt.NDArray[np.int64]
    """Where eight bytes of an id begin, with which mask: [place, mask]."""
    times: npt.NDArray[np.int64]
    orders: npt.NDArray[np.int64]
    """Where the eight hexadecimal digits of an order number begin."""


@dataclass(slots=True)
class Facts:
    """What is known of a period, to ask for."""

    traces: list[tuple[bytes, int]] = dataclasses.field(default_factory=list)
    """(trace id, spans) of the first, the largest and others."""
    users: dict[int, int] = dataclasses.field(default_factory=dict)
    sizes: list[int] = dataclasses.field(default_factory=list)


class _Span:
    __slots__ = ("ids", "instance", "orders", "parts", "size", "times")

    def __init__(self, instance: int) -> None:
        self.instance = instance
        self.parts: list[bytes] = []
        self.size = 0
        self.ids: list[tuple[int, int]] = []
        self.times: list[int] = []
        self.orders: list[int] = []

    def add(self, data: bytes) -> None:
        self.parts.append(data)
        self.size += len(data)


class _Call(NamedTuple):
    service: str
    parent: bytes
    start_ns: int
    room_ns: int
    called: bool
    """Whether the span is the caller's, a client's."""


class Corpus:
    """Makes the first period, once."""

    def __init__(self, *, seed: int = 1, request_spans: int = 1000, base_ns: int = BASE_NS) -> None:
        self._random = random.Random(seed)  # noqa: S311  # the same every time, on purpose
        self._request_spans = request_spans
        self._now_ns = base_ns
        self._resources = [self._resource(number) for number in range(2 * len(SERVICES))]
        self._waiting: list[list[_Span]] = [[] for _ in range(HOSTS)]
        self._constant: dict[Any, bytes] = {}
        self._order_parts: frozenset[int] = frozenset()
        """Which attributes of the span in hand end in an order number."""
        self.facts = Facts()

    def requests(self, span_count: int) -> Iterator[Request]:
        """Requests of the first period, *span_count* spans in all."""
        made = 0
        while made < span_count:
            trace = self._trace(min(self._size(), span_count - made))
            made += len(trace)
            self._now_ns += int(self._random.expovariate(SPANS_A_SECOND / len(trace)) * 1e9)
            for span in trace:
                waiting = self._waiting[span.instance % HOSTS]
                waiting.append(span)
                if len(waiting) >= self._request_spans:
                    yield self._flush(waiting)
        for waiting in self._waiting:
            if waiting:
                yield self._flush(waiting)

    def _size(self) -> int:
        """Median 12, mean 20, at most 400."""
        return max(1, min(400, round(self._random.lognormvariate(2.48, 1.02))))

    def _resource(self, number: int) -> bytes:
        service = SERVICES[number % len(SERVICES)]
        host = number % HOSTS
        pairs = {
            "service.name": service,
            "service.version": f"{1 + number % 4}.{number % 13}.{number % 7}",
            "service.instance.id": f"{self._random.getrandbits(128):032x}",
            "host.name": f"node-{host:02}.eu-west.shop.example",
            "deployment.environment.name": "production",
            "telemetry.sdk.language": ("go", "java", "python", "nodejs")[number % 4],
            "telemetry.sdk.name": "opentelemetry",
            "telemetry.sdk.version": "1.38.0",
        }
        return field(1, b"".join(pair(key, value, 1) for key, value in pairs.items()))

    def _trace(self, size: int) -> list[_Span]:
        random_ = self._random
        trace_id = random_.randbytes(16)
        user = (
            int(random_.paretovariate(0.35)) % USERS if random_.random() < 0.3 else random_.randrange(USERS)
        )
        order = random_.getrandbits(32)
        context = (trace_id, user, order)
        spans: list[_Span] = []
        # (service, parent's id, start, room for it, whether a client's span comes first)
        duration = int(random_.lognormvariate(17.5, 0.9)) + size * 40_000
        waiting = [_Call("frontend", b"", self._now_ns, duration, called=False)]
        while waiting and len(spans) < size:
            call = waiting.pop(random_.randrange(len(waiting)))
            service, called = call.service, call.called
            span_id, begin, length = self._span(spans, context, call)
            callees = CALLS.get(service, ())
            left = length
            at = begin
            for _ in range(0 if "/" in service else random_.randint(1, 4)):
                step = int(left * random_.uniform(0.1, 0.5))
                if step < 2_000:
                    break
                if not called and random_.random() < 0.75 and callees:
                    waiting.append(
                        _Call(random_.choice(callees), span_id, at + step // 20, step, called=True)
                    )
                elif called:
                    waiting.append(_Call(service, span_id, at + step // 20, step, called=False))
                    break
                else:
                    waiting.append(_Call(service + "/store", span_id, at + step // 20, step, called=False))
                at += step
                left -= step
            if not waiting and len(spans) < size:
                waiting.append(
                    _Call(random_.choice(SERVICES), span_id, begin, length + 100_000, called=False)
                )
        self.facts.sizes.append(len(spans))
        if len(self.facts.traces) < 2000:
            self.facts.traces.append((trace_id, len(spans)))
        self.facts.users[user] = self.facts.users.get(user, 0) + 1
        return spans

    def _span(
        self, spans: list[_Span], context: tuple[bytes, int, int], call: _Call
    ) -> tuple[bytes, int, int]:
        random_ = self._random
        trace_id, user, order = context
        service, parent, start, room, called = call
        owner, _, store = service.partition("/")
        caller = owner
        copy = trace_id[0] % 2
        span = _Span(SERVICES.index(caller) + copy * len(SERVICES))
        begin = start + int(random_.random() * room * 0.1)
        length = max(1_000, int(room * random_.uniform(0.3, 0.95)))
        span_id = random_.randbytes(8)
        error = random_.random() < 0.03
        span.ids += [(2, 0), (10, 1), (20, 2)]
        span.add(b"\x0a\x10" + trace_id + b"\x12\x08" + span_id)
        if random_.random() < 0.02:
            span.add(field(3, f"ot=th:{random_.choice('048c')}".encode()))
        if parent:
            span.ids.append((span.size + 2, 2))
            span.add(b"\x22\x08" + parent)
        if store:
            name, kind, attributes = self._store(owner, user)
        elif called:
            name, kind, attributes = self._client(owner)
        elif owner == "frontend":
            name, kind, attributes = self._entry(user, order)
        else:
            name, kind, attributes = self._server(owner, user)
        span.add(field(5, name.encode()) + b"\x30" + bytes([kind]))
        span.times += [span.size + 1, span.size + 10]
        span.add(b"\x39" + struct.pack("<Q", begin) + b"\x41" + struct.pack("<Q", begin + length))
        place = span.size
        for number, part in enumerate(attributes):
            if number in self._order_parts:
                span.orders.append(place + len(part) - 8)
            place += len(part)
        span.add(b"".join(attributes))
        span.add(pair("thread.id", random_.randrange(1, 64)))
        if random_.random() < 0.25:
            span.add(pair("app.queue.seconds", random_.expovariate(200)))
        if error or random_.random() < 0.05:
            self._event(span, owner, begin + int(length * random_.random()), error)
        if random_.random() < 0.01:
            span.ids += [(span.size + 4, 0), (span.size + 12, 1), (span.size + 22, 2)]
            span.add(field(13, b"\x0a\x10" + random_.randbytes(16) + b"\x12\x08" + random_.randbytes(8)))
        if error:
            span.add(field(15, field(2, f"{owner}: upstream refused the request".encode()) + b"\x18\x02"))
        span.add(b"\x85\x01" + struct.pack("<I", 0x101))
        spans.append(span)
        return span_id, begin, length

    def _known(self, key: str, value: str | float | bool) -> bytes:
        """An attribute that comes often."""
        found = self._constant.get((key, value))
        if found is None:
            found = self._constant[key, value] = pair(key, value)
        return found

    def _entry(self, user: int, order: int) -> tuple[str, int, list[bytes]]:
        random_ = self._random
        method, route = random_.choice(_ENTRIES)
        number = f"{random_.randrange(50_000)}"
        path = route.replace("{id}", number)
        self._order_parts = frozenset({8})
        return (
            f"{method} {route}",
            2,
            [
                self._known("http.request.method", method),
                self._known("http.route", route),
                pair("url.path", path),
                self._known("url.scheme", "https"),
                self._known("server.address", "shop.example"),
                self._known("http.response.status_code", random_.choice((200, 200, 200, 204, 404, 500))),
                self._known("user_agent.original", random_.choice(_AGENTS)),
                pair("enduser.id", f"user-{user:06}"),
                pair("app.order.id", f"ord-{order:08x}"),
                pair("app.cart.value", round(random_.lognormvariate(4, 1), 2)),
            ],
        )

    def _server(self, service: str, user: int) -> tuple[str, int, list[bytes]]:
        random_ = self._random
        method = random_.choice(_METHODS)
        self._order_parts = frozenset()
        return (
            f"shop.{service.title()}/{method}",
            2,
            [
                self._known("rpc.system", "grpc"),
                self._known("rpc.service", f"shop.{service.title()}"),
                self._known("rpc.method", method),
                self._known("rpc.grpc.status_code", 0 if random_.random() < 0.97 else 13),
                self._known("server.address", f"{service}.shop.svc"),
                self._known("server.port", 8080),
                pair("network.peer.address", f"10.4.{random_.randrange(16)}.{random_.randrange(256)}"),
                self._known("network.transport", "tcp"),
                pair("enduser.id", f"user-{user:06}"),
            ],
        )

    def _client(self, service: str) -> tuple[str, int, list[bytes]]:
        random_ = self._random
        self._order_parts = frozenset()
        if len(service) % 2:
            number = random_.randrange(50_000)
            return (
                "GET",
                3,
                [
                    self._known("http.request.method", "GET"),
                    pair("url.full", f"http://{service}.shop.svc:8080/api/v2/{service}/{number}?expand=all"),
                    self._known("http.response.status_code", random_.choice((200, 200, 200, 404, 503))),
                    self._known("server.address", f"{service}.shop.svc"),
                    self._known("server.port", 8080),
                    self._known("network.protocol.version", "1.1"),
                    pair("http.request.body.size", random_.randrange(20_000)),
                    self._known("app.retried", random_.random() < 0.05),
                ],
            )
        method = random_.choice(_METHODS)
        return (
            f"shop.{service.title()}/{method}",
            3,
            [
                self._known("rpc.system", "grpc"),
                self._known("rpc.service", f"shop.{service.title()}"),
                self._known("rpc.method", method),
                self._known("server.address", f"{service}.shop.svc"),
                self._known("server.port", 8080),
                self._known("network.transport", "tcp"),
                self._known("rpc.grpc.status_code", 0 if random_.random() < 0.97 else 13),
                pair("app.deadline.ms", random_.randrange(100, 3000)),
            ],
        )

    def _store(self, service: str, user: int) -> tuple[str, int, list[bytes]]:
        random_ = self._random
        self._order_parts = frozenset()
        kind = random_.random()
        if kind < 0.5:
            verb = random_.choice(("SELECT", "SELECT", "SELECT", "UPDATE", "INSERT"))
            text = {
                "SELECT": f"SELECT id, state, amount FROM {service} WHERE owner = $1 AND state = $2 LIMIT 50",
                "UPDATE": f"UPDATE {service} SET state = $1, changed_at = now() WHERE id = $2",
                "INSERT": f"INSERT INTO {service} (id, owner, state) VALUES ($1, $2, $3)",
            }[verb]
            return (
                f"{verb} {service}",
                3,
                [
                    self._known("db.system.name", "postgresql"),
                    self._known("db.namespace", "shop"),
                    self._known("db.collection.name", service),
                    self._known("db.operation.name", verb),
                    self._known("db.query.text", text),
                    self._known("server.address", f"pg-{service}.shop.svc"),
                    self._known("server.port", 5432),
                    pair("db.response.returned_rows", random_.randrange(50)),
                ],
            )
        if kind < 0.85:
            return (
                "GET cache",
                3,
                [
                    self._known("db.system.name", "redis"),
                    self._known("db.operation.name", "GET"),
                    pair("db.query.text", f"GET {service}:user-{user:06}:{random_.getrandbits(24):06x}"),
                    self._known("server.address", "redis.shop.svc"),
                    self._known("server.port", 6379),
                    self._known("network.transport", "tcp"),
                    self._known("app.cache.hit", random_.random() < 0.8),
                    pair("network.peer.address", f"10.4.{random_.randrange(16)}.{random_.randrange(256)}"),
                ],
            )
        return (
            f"send {service}-events",
            4,
            [
                self._known("messaging.system", "kafka"),
                self._known("messaging.destination.name", f"{service}-events"),
                self._known("messaging.operation.type", "send"),
                pair("messaging.message.id", f"{random_.getrandbits(64):016x}"),
                self._known("messaging.destination.partition.id", str(random_.randrange(24))),
                pair("messaging.message.body.size", random_.randrange(4_000)),
                self._known("server.address", "kafka.shop.svc"),
                self._known("server.port", 9092),
            ],
        )

    def _event(self, span: _Span, service: str, time_ns: int, error: bool) -> None:
        if error:
            pairs = pair("exception.type", "shop.errors.Refused", 3)
            text = f"{service} refused user request {self._random.randrange(10**6)}"
            pairs += pair("exception.message", text, 3)
            pairs += pair(
                "exception.stacktrace", f"Traceback (most recent call last):\n{_STACK}Refused: {text}", 3
            )
            name = "exception"
        else:
            name = "cache miss"
            pairs = pair("app.cache.key", f"{service}:{self._random.getrandbits(32):08x}", 3)
        body = b"\x09" + struct.pack("<Q", time_ns) + field(2, name.encode()) + pairs
        span.times.append(span.size + len(varint(90)) + len(varint(len(body))) + 1)
        span.add(field(11, body))

    def _flush(self, waiting: list[_Span]) -> Request:
        """A request of all that waits, by instance."""
        by_instance: dict[int, list[_Span]] = {}
        for span in waiting:
            by_instance.setdefault(span.instance, []).append(span)
        out = bytearray()
        ids: list[tuple[int, int]] = []
        times: list[int] = []
        orders: list[int] = []
        for instance, spans in by_instance.items():
            scope = field(1, field(1, b"opentelemetry.instrumentation.grpc") + field(2, b"0.59b0"))
            body = sum(span.size + 1 + len(varint(span.size)) for span in spans)
            inner = len(scope) + body
            resource = self._resources[instance]
            out += b"\x0a" + varint(len(resource) + 1 + len(varint(inner)) + inner) + resource
            out += b"\x12" + varint(inner) + scope
            for span in spans:
                out += b"\x12" + varint(span.size)
                at = len(out)
                ids += [(at + place, mask) for place, mask in span.ids]
                times += [at + place for place in span.times]
                orders += [at + place for place in span.orders]
                out += b"".join(span.parts)
        count = len(waiting)
        waiting.clear()
        return Request(
            bytes(out),
            count,
            np.array(ids, np.int64).reshape(-1, 2),
            np.array(times, np.int64),
            np.array(orders, np.int64),
        )


def shifted(request: Request, period: int, seed: int = 1) -> bytes:
    """The request as it comes in a later period: other ids, later times, other order numbers."""
    if period == 0:
        return request.data
    masks = np.random.default_rng([seed, period]).integers(0, 256, (3, 8), np.uint8)
    data = np.frombuffer(request.data, np.uint8).copy()
    eight = np.arange(8)
    data[request.ids[:, :1] + eight] ^= masks[request.ids[:, 1]]
    places = request.times[:, None] + eight
    times = np.ascontiguousarray(data[places]).view("<u8") + np.uint64(
        period * PERIOD_SPANS * 10**9 // SPANS_A_SECOND
    )
    data[places] = times.view(np.uint8)
    digits = request.orders[:, None] + eight
    old = data[digits]
    value = np.where(old >= 97, old - 87, old - 48)
    value = (value + np.array([period >> 4 * place & 15 for place in range(8)], np.uint8)) % 16
    data[digits] = np.where(value > 9, value + 87, value + 48)
    return data.tobytes()


def main() -> None:
    """Write a file, say what is in it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--spans", type=int, default=PERIOD_SPANS)
    parser.add_argument("--request-spans", type=int, default=1000)
    arguments = parser.parse_args()
    corpus = Corpus(request_spans=arguments.request_spans)
    size = spans = 0
    with arguments.file.open("wb") as file:
        for request in corpus.requests(arguments.spans):
            file.write(struct.pack("<I", len(request.data)) + request.data)
            size += len(request.data)
            spans += request.span_count
            print(f"\r{spans:,} spans", end="", file=sys.stderr)
    sizes = np.array(corpus.facts.sizes)
    print(
        f"\n{spans:,} spans in {len(sizes):,} traces (median {np.median(sizes):.0f}, "
        f"mean {sizes.mean():.1f}, largest {sizes.max()}), {size / spans:.0f} bytes a span"
    )


if __name__ == "__main__":
    main()
