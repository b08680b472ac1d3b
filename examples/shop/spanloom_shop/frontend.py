"""frontend: the shop's entry. Each page asks the services behind it, and does without those it can spare."""

from typing import Annotated, Any

import httpx
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import JSONResponse
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from spanloom_shop.cart import Item
from spanloom_shop.surroundings import Surroundings


async def shopper(x_user_id: Annotated[str, Header()], x_visit: Annotated[str, Header()] = "") -> str:
    """Who asks; said on the request's span, so that one shopper's traces can be found."""
    trace.get_current_span().set_attributes({"user.id": x_user_id, "shop.visit": x_visit})
    return x_user_id


Shopper = Annotated[str, Depends(shopper)]


def create_app(shop: Surroundings) -> FastAPI:
    """Serve the shop's pages."""
    app = FastAPI(title="frontend")
    app.exception_handler(httpx.TransportError)(unreachable)
    add_product_pages(app, shop)
    add_cart_pages(app, shop)
    return app


def add_product_pages(app: FastAPI, shop: Surroundings) -> None:
    """The pages on which shoppers look around."""
    catalogue, recommendations = shop.client("catalogue"), shop.client("recommendations")

    @app.get("/")
    async def home(user_id: Shopper) -> Any:
        return content(await catalogue.get("/products"))

    @app.get("/search")
    async def search(user_id: Shopper, word: str) -> Any:
        return content(await catalogue.get("/products", params={"word": word}))

    @app.get("/products/{product_id}")
    async def product(user_id: Shopper, product_id: int) -> Any:
        return content(await catalogue.get(f"/products/{product_id}"))

    @app.get("/products/{product_id}/recommended")
    async def recommended(user_id: Shopper, product_id: int) -> Any:
        shown = content(await catalogue.get(f"/products/{product_id}"))
        try:
            beside = content(await recommendations.get(f"/recommendations/{product_id}"))
        except (httpx.TransportError, HTTPException) as exc:
            # The page is good without them: an event, not an error.
            trace.get_current_span().add_event("recommendations left out", {"error.type": type(exc).__name__})
            beside = []
        return {"product": shown, "recommended": beside}


def add_cart_pages(app: FastAPI, shop: Surroundings) -> None:
    """The pages on which shoppers buy."""
    cart, checkout = shop.client("cart"), shop.client("checkout")

    @app.get("/cart")
    async def show_cart(user_id: Shopper) -> Any:
        return content(await cart.get(f"/carts/{user_id}"))

    @app.post("/cart/items", status_code=201)
    async def add_to_cart(user_id: Shopper, item: Item) -> Any:
        return content(await cart.post(f"/carts/{user_id}/items", json=item.model_dump()))

    @app.post("/checkout", status_code=201)
    async def buy(user_id: Shopper) -> Any:
        order = content(await checkout.post("/orders", json={"user_id": user_id}, timeout=15.0))
        trace.get_current_span().set_attribute("order.id", order["order_id"])
        return order


def content(response: httpx.Response) -> Any:
    """What a service answered; its error becomes the page's error, with the same status."""
    if response.is_error:
        # Not as JSON: a service in which an exception was left to itself answers in plain text.
        raise HTTPException(response.status_code, response.text)
    return response.json()


async def unreachable(_: Request, exc: Exception) -> JSONResponse:
    """A vital service did not answer: the exception goes on the span and the shopper gets a 502."""
    span = trace.get_current_span()
    span.record_exception(exc)
    span.set_status(StatusCode.ERROR, str(exc))
    return JSONResponse({"detail": "a part of the shop does not answer"}, status_code=502)
