"""load: the shoppers. Browsers are seldom traced, so this makes no spans: a visit's name is a header."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import httpx

from spanloom_shop.products import KINDS, MATERIALS, PRODUCTS
from spanloom_shop.surroundings import Surroundings

SHOPPERS = 40
MOST_VISITS_AT_ONCE = 30
"""A machine that cannot keep up gets fewer shoppers, not a longer queue."""


class Shopper:
    """One person in the shop, who looks at pages one after another."""

    def __init__(self, frontend: httpx.AsyncClient, luck: random.Random, visit: str) -> None:
        self._frontend = frontend
        self._headers = {"x-user-id": f"user-{luck.randrange(SHOPPERS)}", "x-visit": visit}
        # A random of its own: the run of visits stays the same in whatever order answers come.
        self._luck = random.Random(luck.random())

    async def get(self, path: str) -> None:
        """Look at a page and think for a moment; a page that fails is looked at no longer."""
        await self._frontend.get(path, headers=self._headers)
        await asyncio.sleep(self._luck.uniform(0.05, 0.3))

    async def add_to_cart(self) -> None:
        """Put a product into the cart."""
        item = {"product_id": self.product(), "quantity": self._luck.randint(1, 3)}
        await self._frontend.post("/cart/items", json=item, headers=self._headers)

    async def buy(self) -> None:
        """Buy what is in the cart."""
        await self._frontend.post("/checkout", headers=self._headers)

    def product(self) -> int:
        """One of the products: a few are looked at far more often than the others."""
        return int(self._luck.paretovariate(0.35)) % PRODUCTS + 1

    def word(self) -> str:
        """Something to search for."""
        return self._luck.choice(KINDS + MATERIALS)


async def browse(shopper: Shopper) -> None:
    """The home page and a product."""
    await shopper.get("/")
    await shopper.get(f"/products/{shopper.product()}")


async def search(shopper: Shopper) -> None:
    """A search."""
    await shopper.get(f"/search?word={shopper.word()}")


async def be_inspired(shopper: Shopper) -> None:
    """A product with recommendations."""
    await shopper.get(f"/products/{shopper.product()}/recommended")


async def fill_cart(shopper: Shopper) -> None:
    """A few products into the cart, then a look at it."""
    for _ in range(3):
        await shopper.add_to_cart()
    await shopper.get("/cart")


async def buy(shopper: Shopper) -> None:
    """One more product into the cart, then buy everything in it."""
    await shopper.add_to_cart()
    await shopper.buy()


VISITS: dict[str, tuple[int, Callable[[Shopper], Awaitable[None]]]] = {
    "browse": (30, browse),
    "search": (25, search),
    "recommendations": (10, be_inspired),
    "cart": (20, fill_cart),
    "checkout": (15, buy),
}
"""How often of a hundred each kind of visit happens."""


async def work(shop: Surroundings) -> None:
    """Send shoppers at the given rate until cancelled."""
    luck = random.Random() if shop.seed is None else random.Random(shop.seed)
    names, weights = list(VISITS), [weight for weight, _ in VISITS.values()]
    visits: set[asyncio.Task[None]] = set()
    async with shop.client("frontend") as frontend:
        while True:
            name = luck.choices(names, weights)[0]
            shopper = Shopper(frontend, luck, name)
            if len(visits) < MOST_VISITS_AT_ONCE:
                visit = asyncio.create_task(pay_visit(name, shopper))
                visits.add(visit)
                visit.add_done_callback(visits.discard)
            # Visits come independently of each other, so the waits between them are exponential.
            await asyncio.sleep(luck.expovariate(shop.rate))


async def pay_visit(name: str, shopper: Shopper) -> None:
    """Go through one visit; a shopper whom the shop does not answer leaves."""
    try:
        await VISITS[name][1](shopper)
    except httpx.TransportError:
        return
