"""What one process of the shop is given at its start: its neighbours, its files and its luck."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from spanloom_shop.faults import Faults

SERVICES = ("frontend", "catalogue", "recommendations", "cart", "checkout", "payment")
"""The processes that answer HTTP, in the order of their ports."""
WORKERS = ("warehouse", "settlement", "load")
"""The processes that nobody calls."""

CONNECTIONS = httpx.Limits(max_connections=100, max_keepalive_connections=40, keepalive_expiry=20.0)
"""As many stay open as one page calls at once; httpx's 20 would open ten anew for every fan-out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """All that a service needs from outside, so that a test can hand it something else."""

    client: Callable[[str], httpx.AsyncClient]
    """Gives a client whose base URL is the service of that name."""
    directory: Path
    """Where the SQLite files are."""
    faults: Faults
    seed: int | None = None
    rate: float = 3.0
    """Visits a second; only the load generator reads it."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str], *, service: str) -> "Surroundings":
        """Read what `main.py` has put into the environment of this process."""
        seed = int(environ["SHOP_SEED"]) if environ.get("SHOP_SEED") else None

        def client(neighbour: str) -> httpx.AsyncClient:
            address = environ[f"SHOP_{neighbour.upper()}"]
            # verify: loading the CA certificates takes 45 ms a client, and nothing here speaks TLS.
            return httpx.AsyncClient(base_url=address, limits=CONNECTIONS, timeout=5.0, verify=False)  # noqa: S501  # loopback, no TLS

        return cls(
            client=client,
            directory=Path(environ["SHOP_DIRECTORY"]),
            faults=Faults(seed=seed, service=service),
            seed=seed,
            rate=float(environ.get("SHOP_RATE", 3.0)),
        )
