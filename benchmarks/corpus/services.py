"""The shop that sends the traffic: its services, what they offer, whom they call and what they keep."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One of the twenty."""

    language: str
    offers: tuple[str, ...]
    """"GET /route" over HTTP, or the methods of a gRPC service."""
    calls: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    cache: str = ""
    """What its cache has, as its keys begin."""
    sends: tuple[str, ...] = ()
    """Topics."""
    receives: tuple[str, ...] = ()
    works: tuple[str, ...] = ()
    """Functions that have spans of their own."""


SERVICES: Final[dict[str, Service]] = {
    "frontend": Service(
        language="nodejs",
        offers=(
            "GET /",
            "GET /products/{id}",
            "GET /search",
            "POST /cart/{id}/items",
            "POST /checkout",
            "GET /orders/{id}",
            "GET /account",
        ),
        calls=("catalog", "cart", "checkout", "orders", "users", "search", "recommendation", "ads"),
        cache="page",
        works=("renderPage", "loadSession"),
    ),
    "checkout": Service(
        language="go",
        offers=("PlaceOrder", "QuoteOrder"),
        calls=("cart", "payment", "orders", "shipping", "inventory", "users", "promotion"),
        cache="quote",
        sends=("checkout.completed",),
        works=("validateOrder",),
    ),
    "catalog": Service(
        language="java",
        offers=("GET /api/v2/products/{id}", "GET /api/v2/products", "GET /api/v2/categories/{id}"),
        calls=("pricing", "inventory", "reviews"),
        tables=("products", "product_variants", "categories"),
        cache="product",
    ),
    "cart": Service(
        language="nodejs",
        offers=("GET /api/v1/carts/{id}", "POST /api/v1/carts/{id}/items", "DELETE /api/v1/carts/{id}"),
        calls=("pricing", "inventory", "promotion"),
        cache="cart",
        works=("mergeCarts",),
    ),
    "payment": Service(
        language="java",
        offers=("Authorize", "Capture", "Refund"),
        calls=("billing", "fraud"),
        tables=("payments", "payment_attempts"),
        sends=("payment.captured",),
    ),
    "orders": Service(
        language="java",
        offers=("GET /api/v1/orders/{id}", "POST /api/v1/orders", "GET /api/v1/orders"),
        calls=("inventory", "shipping", "users"),
        tables=("orders", "order_lines"),
        sends=("order.placed", "order.changed"),
        receives=("payment.captured",),
    ),
    "inventory": Service(
        language="go",
        offers=("GetStock", "Reserve", "Release"),
        tables=("stock", "reservations"),
        cache="stock",
        receives=("order.placed",),
    ),
    "users": Service(
        language="python",
        offers=("GET /api/v1/users/{id}", "PATCH /api/v1/users/{id}", "GET /api/v1/users/{id}/addresses"),
        calls=("auth",),
        tables=("users", "addresses"),
        cache="user",
    ),
    "auth": Service(
        language="go", offers=("Verify", "Issue"), tables=("sessions",), cache="token", works=("checkClaims",)
    ),
    "search": Service(
        language="python",
        offers=("GET /api/v3/search", "GET /api/v3/suggest"),
        calls=("catalog", "recommendation"),
        cache="query",
        works=("rank_results", "parse_query"),
    ),
    "recommendation": Service(
        language="python",
        offers=("ListRecommendations", "ListSimilar"),
        calls=("catalog", "users"),
        cache="features",
        works=("score_candidates",),
    ),
    "pricing": Service(
        language="go",
        offers=("GetPrice", "ListPrices"),
        tables=("price_lists",),
        cache="price",
        works=("convertCurrency",),
    ),
    "promotion": Service(
        language="java", offers=("Evaluate",), calls=("users",), tables=("campaigns",), cache="campaign"
    ),
    "reviews": Service(
        language="python",
        offers=("GET /api/v1/products/{id}/reviews", "POST /api/v1/products/{id}/reviews"),
        calls=("users",),
        tables=("reviews",),
        cache="reviews",
    ),
    "shipping": Service(
        language="go",
        offers=("GetQuote", "CreateShipment"),
        calls=("inventory",),
        tables=("shipments", "carriers"),
        sends=("shipment.created",),
        receives=("order.placed",),
        works=("packBoxes",),
    ),
    "billing": Service(
        language="java",
        offers=("CreateInvoice", "GetInvoice"),
        tables=("invoices", "ledger_entries"),
        receives=("order.placed",),
    ),
    "fraud": Service(
        language="python",
        offers=("Score",),
        calls=("users",),
        tables=("risk_events",),
        cache="risk",
        works=("evaluate_model",),
    ),
    "email": Service(
        language="nodejs",
        offers=("POST /api/v1/messages",),
        calls=("users",),
        tables=("deliveries",),
        receives=("order.placed", "shipment.created"),
        works=("renderTemplate",),
    ),
    "notification": Service(
        language="nodejs",
        offers=("POST /api/v1/notifications",),
        calls=("users", "email"),
        cache="device",
        receives=("order.changed",),
    ),
    "ads": Service(language="python", offers=("ListAds",), cache="ads", works=("select_campaign",)),
}

ROOTS: Final[dict[str, float]] = {
    "GET /": 18,
    "GET /products/{id}": 28,
    "GET /search": 16,
    "POST /cart/{id}/items": 10,
    "POST /checkout": 7,
    "GET /orders/{id}": 5,
    "GET /account": 6,
}
"""How often the frontend is asked for what, in a hundred; the rest of traces begins with a message."""

VERSIONS: Final = {"nodejs": "2.1.0", "go": "1.38.0", "java": "1.54.1", "python": "1.38.0"}
"""Of OpenTelemetry's SDKs."""

SCOPES: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "nodejs": {
        "http": ("@opentelemetry/instrumentation-http", "0.206.0"),
        "grpc": ("@opentelemetry/instrumentation-grpc", "0.206.0"),
        "sql": ("@opentelemetry/instrumentation-pg", "0.59.0"),
        "cache": ("@opentelemetry/instrumentation-ioredis", "0.54.0"),
        "messages": ("@opentelemetry/instrumentation-kafkajs", "0.15.0"),
    },
    "go": {
        "http": ("go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp", "0.63.0"),
        "grpc": ("go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc", "0.63.0"),
        "sql": ("github.com/XSAM/otelsql", "0.40.0"),
        "cache": ("github.com/redis/go-redis/extra/redisotel", "9.14.0"),
        "messages": ("github.com/dnwe/otelsarama", "0.9.0"),
    },
    "java": {
        "http": ("io.opentelemetry.tomcat-10.0", "2.20.1-alpha"),
        "grpc": ("io.opentelemetry.grpc-1.6", "2.20.1-alpha"),
        "sql": ("io.opentelemetry.jdbc", "2.20.1-alpha"),
        "cache": ("io.opentelemetry.lettuce-5.1", "2.20.1-alpha"),
        "messages": ("io.opentelemetry.kafka-clients-0.11", "2.20.1-alpha"),
    },
    "python": {
        "http": ("opentelemetry.instrumentation.fastapi", "0.59b0"),
        "grpc": ("opentelemetry.instrumentation.grpc", "0.59b0"),
        "sql": ("opentelemetry.instrumentation.sqlalchemy", "0.59b0"),
        "cache": ("opentelemetry.instrumentation.redis", "0.59b0"),
        "messages": ("opentelemetry.instrumentation.confluent_kafka", "0.59b0"),
    },
}

AGENTS: Final = tuple(
    f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
    for version in (138, 139, 140, 141)
    for system in ("Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64")
) + tuple(
    f"Mozilla/5.0 (iPhone; CPU iPhone OS {system} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    f"Version/{version} Mobile/15E148 Safari/604.1"
    for system, version in (("17_6", "17.6"), ("18_5", "18.5"), ("18_6", "18.6"), ("26_0", "26.0"))
)

SERVICE_AGENTS: Final = {
    "nodejs": "node-fetch/3.3.2",
    "go": "Go-http-client/1.1",
    "java": "Apache-HttpClient/5.5 (Java/21.0.8)",
    "python": "python-httpx/0.28.1",
}

STATEMENTS: Final = (
    (
        "SELECT t.id, t.state, t.amount, t.currency, t.updated_at FROM {table} t WHERE t.owner_id = $1 "
        "AND t.state = $2 ORDER BY t.updated_at DESC LIMIT 50"
    ),
    "SELECT * FROM {table} WHERE id = {{id}} AND deleted_at IS NULL",
    "SELECT count(*), max(updated_at) FROM {table} WHERE owner_id = $1 AND deleted_at IS NULL",
    "UPDATE {table} SET state = $1, version = version + 1, updated_at = now() WHERE id = $2 AND version = $3",
    (
        "INSERT INTO {table} (id, owner_id, state, amount, currency, created_at) "
        "VALUES ($1, $2, $3, $4, $5, now()) ON CONFLICT (id) DO NOTHING"
    ),
)
