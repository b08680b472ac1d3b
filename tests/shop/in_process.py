"""The whole shop in one process: the same apps, called through ASGI."""

from pathlib import Path

import httpx
from fastapi import FastAPI
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from starlette.types import Receive, Scope, Send

from spanloom_shop import cart, catalogue, checkout, frontend, outbox, payment, recommendations, warehouse
from spanloom_shop.surroundings import Surroundings
from spanloom_shop.web import trace_requests

from .spans import ForcedFaults

CREATE_APP = {
    "frontend": frontend.create_app,
    "catalogue": catalogue.create_app,
    "recommendations": recommendations.create_app,
    "cart": cart.create_app,
    "checkout": checkout.create_app,
    "payment": payment.create_app,
}


class ShopInProcess:
    """The services and the shopper's way in; `faults` and `closed` say what goes wrong."""

    def __init__(self, directory: Path) -> None:
        self.faults = ForcedFaults()
        self.closed: set[str] = set()
        self.surroundings = Surroundings(client=self._client, directory=directory, faults=self.faults)
        self.orders = directory / "orders.sqlite"
        self._apps: dict[str, FastAPI] = {}
        self._clients: list[httpx.AsyncClient] = []
        self.shopper = httpx.AsyncClient(
            transport=self._transport("frontend"), base_url="http://frontend", headers={"x-user-id": "user-7"}
        )

    async def fill_cart(self, *product_ids: int) -> None:
        """Put products into the shopper's cart."""
        for product_id in product_ids:
            (await self.shopper.post("/cart/items", json={"product_id": product_id})).raise_for_status()

    async def order(self) -> httpx.Response:
        """Buy one thing."""
        await self.fill_cart(1)
        return await self.shopper.post("/checkout")

    async def ship_all(self) -> None:
        """Let the warehouse work until its queue is empty."""
        for message in outbox.waiting(self.orders, "orders", most=100):
            await warehouse.ship(self.orders, message, self.faults)

    async def close(self) -> None:
        """Undo what tracing the apps has changed."""
        for client in (self.shopper, *self._clients):
            await client.aclose()
        for app in self._apps.values():
            FastAPIInstrumentor.uninstrument_app(app)

    def _client(self, service: str) -> httpx.AsyncClient:
        if service in self.closed:
            transport: httpx.AsyncBaseTransport = httpx.MockTransport(refuse)
        else:
            transport = self._transport(service)
        client = httpx.AsyncClient(transport=transport, base_url=f"http://{service}")
        HTTPXClientInstrumentor.instrument_client(client)
        self._clients.append(client)
        return client

    def _transport(self, service: str) -> httpx.ASGITransport:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if service not in self._apps:
                self._apps[service] = CREATE_APP[service](self.surroundings)
                trace_requests(self._apps[service])
            await self._apps[service](scope, receive, send)

        # As over a socket, an exception that a service leaves to itself is a 500 for its caller.
        return httpx.ASGITransport(app, raise_app_exceptions=False)


def refuse(request: httpx.Request) -> httpx.Response:
    """Answer as a port on which nobody listens."""
    raise httpx.ConnectError("connection refused", request=request)
