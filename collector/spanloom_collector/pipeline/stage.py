"""The shape of every stage."""

from collections.abc import Callable
from dataclasses import dataclass

from spanloom_storage.draft import Draft


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One thing that is done to spans."""

    name: str
    """As metrics call it."""
    change: Callable[[Draft], None]
    """Changes a draft in place; may take spans out, but puts none in."""
    reason: str = ""
    """Why it takes spans out, as the metric of dropped spans calls it; empty where it never does."""
