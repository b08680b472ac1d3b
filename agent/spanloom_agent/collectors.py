"""The collectors that the agent knows, and how each is doing."""

import random
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx

from spanloom_model.errors import MisconfiguredError

FIRST_BACKOFF_S: Final = 0.25
MAX_BACKOFF_S: Final = 5.0
REQUEST_TIMEOUT_S: Final = 10.0


@dataclass(slots=True)
class Collector:
    """One collector's address, and whether it answers."""

    url: str
    client: httpx.AsyncClient
    trouble: str | None = None
    """Why it takes nothing just now, in one sentence."""
    backoff_s: float = FIRST_BACKOFF_S

    def works(self) -> None:
        """It has taken something."""
        self.trouble = None
        self.backoff_s = FIRST_BACKOFF_S

    def fails(self, trouble: str, asked_s: float) -> float:
        """It has not; how long to leave it alone, at least as long as it has asked for.

        Spread, so that many agents do not come back in one moment.
        """
        self.trouble = trouble
        pause_s = max(asked_s, self.backoff_s * random.uniform(0.5, 1))  # noqa: S311  # no secret
        self.backoff_s = min(2 * self.backoff_s, MAX_BACKOFF_S)
        return pause_s


def collectors_at(addresses: str, whose: str, transport: httpx.AsyncBaseTransport | None) -> list[Collector]:
    """The collectors of a list with commas; *transport* reaches them in another way than the network.

    Raises MisconfiguredError, which says *whose* address it is, for one that is none.
    """
    urls = [part.strip().rstrip("/") for part in addresses.split(",")]
    for url in urls:
        if not _is_http(url):
            raise MisconfiguredError(
                f"the {whose}'s address is a URL, as in http://127.0.0.1:4318, not {url!r}"
            )
    return [Collector(url, _client(url, transport)) for url in urls]


def _client(url: str, transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, transport=transport, timeout=REQUEST_TIMEOUT_S, trust_env=False)


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # whether it is a number turns out here
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
