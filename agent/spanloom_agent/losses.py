"""Tells the collector what was lost on the way to this agent, which only this agent can know.

    Spanloom-Spans-Lost: shop=25,cart=3

For each service (percent-encoded), how many spans more were lost by UDP or given up by its processes since
the last request that was taken. The collector adds these up over all agents.
"""

import time
from typing import Final
from urllib.parse import quote

from spanloom_agent.counts import Services

HEADER: Final = "Spanloom-Spans-Lost"
EVERY_S: Final = 1.0
MOST: Final = 50
"""Services in one header: servers refuse long ones. The others are told next time."""


class Losses:
    """What has been told of each service."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._told: dict[str, int] = {}
        self._next_s = 0.0

    def to_tell(self) -> dict[str, int]:
        """What to tell with the next request; it counts as told unless `untold` says otherwise."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return {}
        self._next_s = now_s + EVERY_S
        found: dict[str, int] = {}
        for name, service in self._services:
            # Less than before where a datagram was only late: the next loss makes up for it.
            more = service.lost + service.dropped - self._told.get(name, 0)
            if more > 0 and len(found) < MOST:
                found[name] = more
                self._told[name] = self._told.get(name, 0) + more
        return found

    def untold(self, losses: dict[str, int]) -> None:
        """The request that told these was not taken."""
        for name, count in losses.items():
            self._told[name] -= count
            self._next_s = 0.0


def header(losses: dict[str, int]) -> dict[str, str]:
    """The header that tells them, if there is anything to tell."""
    if not losses:
        return {}
    return {HEADER: ",".join(f"{quote(name, safe='')}={count}" for name, count in losses.items())}
