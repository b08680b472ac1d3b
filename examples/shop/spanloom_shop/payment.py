"""payment: charges cards through a provider outside the shop, which is down, slow or says no at times."""

import asyncio

from fastapi import FastAPI, HTTPException
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind
from pydantic import BaseModel

from spanloom_shop.faults import Faults
from spanloom_shop.surroundings import Surroundings

tracer = trace.get_tracer(__name__)

PROVIDER = "api.cardbank.example"
DOWN_CHANCE, SLOW_CHANCE, DECLINED_CHANCE = 0.06, 0.04, 0.06
LONGEST_OUTAGE = 6
"""In requests: checkout asks three times, so that some orders get through an outage and some do not."""
SLOW_SECONDS = 2.0
"""Longer than checkout waits: its span ends before this one, and it asks again."""


class Charge(BaseModel):
    """What to take from whom."""

    order_id: str
    user_id: str
    amount_cents: int


class ProviderError(Exception):
    """The provider did not charge the card."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Provider:
    """The bank's API as the shop sees it. It sends no spans: our CLIENT span is all one knows of it."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._requests_still_refused = 0

    async def charge(self, charge: Charge) -> None:
        """Charge the card. What is raised in the block is recorded on the span, which becomes an error."""
        with tracer.start_as_current_span("POST /v1/charges", kind=SpanKind.CLIENT) as span:
            span.set_attributes({"server.address": PROVIDER, "http.request.method": "POST"})
            span.set_attribute("payment.amount_cents", charge.amount_cents)
            await self._answer_takes_its_time(span)
            status, reason = self._answer()
            span.set_attribute("http.response.status_code", status)
            if reason:
                span.set_attribute("error.type", str(status))
                raise ProviderError(status, reason)

    async def _answer_takes_its_time(self, span: Span) -> None:
        await asyncio.sleep(self._faults.between(0.03, 0.12))
        if self._faults.strike("provider slow", chance=SLOW_CHANCE):
            span.add_event("provider slow", {"payment.waiting_for": "the card's bank"})
            await asyncio.sleep(SLOW_SECONDS)

    def _answer(self) -> tuple[int, str]:
        if not self._requests_still_refused and self._faults.strike("provider down", chance=DOWN_CHANCE):
            self._requests_still_refused = round(self._faults.between(1, LONGEST_OUTAGE))
        if self._requests_still_refused:
            self._requests_still_refused -= 1
            return 503, "the provider is down for maintenance"
        if self._faults.strike("card declined", chance=DECLINED_CHANCE):
            return 402, "the card was declined"
        return 201, ""


def create_app(shop: Surroundings) -> FastAPI:
    """Serve charges."""
    app = FastAPI(title="payment")
    provider = Provider(shop.faults)

    @app.post("/charges", status_code=201)
    async def charge(charge: Charge) -> dict[str, str]:
        trace.get_current_span().set_attributes({"order.id": charge.order_id, "user.id": charge.user_id})
        try:
            await provider.charge(charge)
        except ProviderError as exc:
            # A declined card (402) is an answer; only a 5xx makes the SERVER span an error.
            raise HTTPException(exc.status, str(exc)) from exc
        return {"receipt": f"receipt-{charge.order_id}"}

    return app
