"""The collectors that the agent knows, and how each is doing."""

import random
from dataclasses import dataclass
from typing import Final

from spanloom_agent.http_client import Client, Connect

FIRST_BACKOFF_S: Final = 0.25
MAX_BACKOFF_S: Final = 5.0


@dataclass(slots=True)
class Collector:
    """One collector's address, and whether it answers."""

    url: str
    client: Client
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


def collectors_at(addresses: str, connect: Connect) -> list[Collector]:
    """The collectors of a list with commas; raises MisconfiguredError for an address that is none."""
    urls = [part.strip().rstrip("/") for part in addresses.split(",")]
    return [Collector(url, connect(url)) for url in urls]
