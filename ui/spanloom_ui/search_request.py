"""What the search form asks for, as its address says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

_SECOND = 1_000_000_000
_AHEAD_NS = 60 * _SECOND
"""Clocks that run ahead by this much are still "now"; a span dated decades ahead must not stay on top."""
_DEFAULT_LOOKBACK = "1h"
_DEFAULT_LIMIT = 20
LIMITS = (20, 50, 100, 200)


class Lookback(NamedTuple):
    """A range of time that ends now, but for the last two."""

    label: str
    phrase: str
    seconds: int | None
    """None has no beginning, or one that the reader gives."""


LOOKBACKS = {
    "5m": Lookback("Last 5 minutes", "in the last 5 minutes", 300),
    "15m": Lookback("Last 15 minutes", "in the last 15 minutes", 900),
    "1h": Lookback("Last hour", "in the last hour", 3_600),
    "3h": Lookback("Last 3 hours", "in the last 3 hours", 10_800),
    "12h": Lookback("Last 12 hours", "in the last 12 hours", 43_200),
    "24h": Lookback("Last 24 hours", "in the last 24 hours", 86_400),
    "7d": Lookback("Last 7 days", "in the last 7 days", 604_800),
    "all": Lookback("Any time", "at any time", None),
    "custom": Lookback("Custom range …", "in the chosen range", None),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """A search, with every gap filled by its default."""

    service: str
    operation: str
    lookback: str
    start: str
    end: str
    limit: int
    cursor: str

    def conditions(self, *, now_ns: int) -> dict[str, str]:
        """The query API's parameters; raises ValueError with a sentence for times that are none."""
        start, end = self._range(now_ns)
        wanted = {
            "service": self.service,
            "operation": self.operation,
            "start": start,
            "end": end,
            "limit": str(self.limit),
            "cursor": self.cursor,
        }
        return {key: value for key, value in wanted.items() if value}

    def _range(self, now_ns: int) -> tuple[str, str]:
        # An "older" link pins the range of the page that it stands on.
        if self.lookback == "custom" or self.cursor:
            return _chosen_range(self.start, self.end)
        seconds = LOOKBACKS[self.lookback].seconds
        return ("", "") if seconds is None else (str(now_ns - seconds * _SECOND), str(now_ns + _AHEAD_NS))

    @property
    def phrase(self) -> str:
        """The range in words."""
        chosen = self.lookback != "custom" or self.start or self.end
        return LOOKBACKS[self.lookback if chosen else "all"].phrase


def search_request(query: Mapping[str, str]) -> SearchRequest:
    """Read the address; what makes no sense there falls back to the default."""
    lookback = query.get("lookback", "")
    if lookback not in LOOKBACKS:
        given = query.get("start") or query.get("end")
        lookback = "custom" if given and not lookback else _DEFAULT_LOOKBACK
    return SearchRequest(
        service=query.get("service", "").strip(),
        operation=query.get("operation", "").strip(),
        lookback=lookback,
        start=query.get("start", "").strip(),
        end=query.get("end", "").strip(),
        limit=_limit(query.get("limit", "")),
        cursor=query.get("cursor", ""),
    )


def _limit(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else _DEFAULT_LIMIT
    return min(max(number, 1), LIMITS[-1])


def _chosen_range(start: str, end: str) -> tuple[str, str]:
    since, until = _api_time(start, "start"), _api_time(end, "end")
    if start and end and _seconds(since) > _seconds(until):
        raise ValueError("From is after To.")
    return since, until


def _api_time(text: str, which: str) -> str:
    """*text* as the API takes it: browsers leave the zone out, and the form says UTC."""
    if not text or _is_number(text):
        return text
    try:
        at = datetime.fromisoformat(text)
    except ValueError as exc:
        raise ValueError(
            f"The {which} of the range is a time like 2026-01-31T12:00, not {text[:40]!r}."
        ) from exc
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()


def _seconds(api_time: str) -> float:
    if _is_number(api_time):
        return int(api_time[:40]) / _SECOND
    return datetime.fromisoformat(api_time).timestamp()


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
