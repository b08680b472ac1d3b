"""From a request's words to a query, and from a page's end to the words that go on there."""

from datetime import UTC, datetime

from spanloom_model.ids import TraceId, trace_id_from_hex
from spanloom_storage.api import Place
from spanloom_storage.errors import Rejected


def moment_ns(text: str | None) -> int | None:
    """RFC 3339 or Unix nanoseconds; without an offset, UTC. Raises Rejected for anything else."""
    if not text:
        return None
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Rejected(f"a time is RFC 3339 or Unix nanoseconds, not {text[:40]!r}") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since_epoch = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (since_epoch.days * 86_400 + since_epoch.seconds) * 1_000_000_000 + since_epoch.microseconds * 1000


def trace_id(text: str) -> TraceId:
    """A trace id in hex. Raises Rejected for anything else."""
    try:
        return trace_id_from_hex(text)
    except ValueError as exc:
        raise Rejected(str(exc)) from exc


def place(cursor: str | None) -> Place | None:
    """What an earlier page said as `next`. Raises Rejected for anything else."""
    if not cursor:
        return None
    start_ns, _, id_hex = cursor.partition("-")
    if not start_ns.isdecimal() or not id_hex:
        raise Rejected("a cursor is what an earlier answer said as `next`")
    return Place(start_ns=int(start_ns), trace_id=trace_id(id_hex))


def cursor(after: Place | None) -> str | None:
    """The words for *after*."""
    return None if after is None else f"{after.start_ns}-{after.trace_id.hex()}"
