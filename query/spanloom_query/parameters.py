"""From a request's words to a query, and from a page's end to the words that go on there."""

import re
from datetime import UTC, datetime

from spanloom_model.ids import TraceId, trace_id_from_hex
from spanloom_query.language import read_query
from spanloom_storage.api import Place
from spanloom_storage.span_sets import SpanSet, span_with


class BadRequestError(Exception):
    """The request makes no sense; the text is one sentence for whoever made it."""


def moment_ns(text: str | None) -> int | None:
    """RFC 3339 or Unix nanoseconds; without an offset, UTC. Raises BadRequestError for anything else."""
    if not text:
        return None
    if _is_number(text):
        return int(text)
    rounded, more_digits = _to_microseconds(text)
    try:
        moment = datetime.fromisoformat(rounded)
    except ValueError:
        raise BadRequestError(f"a time is RFC 3339 or Unix nanoseconds, not {text[:40]!r}") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since_epoch = aware - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = since_epoch.days * 86_400 + since_epoch.seconds
    return seconds * 1_000_000_000 + since_epoch.microseconds * 1000 + more_digits


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 20


def _to_microseconds(text: str) -> tuple[str, int]:
    """A time without the digits behind its microseconds, which datetime cannot hold, and those digits."""
    found = re.fullmatch(r"(.*\.\d{6})(\d{1,3})(\D.*|)", text)
    return (found[1] + found[3], int(found[2].ljust(3, "0"))) if found else (text, 0)


def trace_id(text: str) -> TraceId:
    """A trace id in hex. Raises BadRequestError for anything else."""
    try:
        return trace_id_from_hex(text)
    except ValueError as exc:
        raise BadRequestError(str(exc)) from exc


def spans(q: str | None, *, service: str | None, operation: str | None) -> SpanSet | None:
    """The spans that are asked for. Raises QueryError for what is no TraceQL, BadRequestError for both."""
    simple = span_with(service=service or None, name=operation or None)
    if q is None:
        return simple
    if simple is not None:
        raise BadRequestError("q says all of it: give either q, or service and operation")
    return read_query(q)


def place(cursor: str | None) -> Place | None:
    """What an earlier page said as `next`. Raises BadRequestError for anything else."""
    if not cursor:
        return None
    start_ns, _, id_hex = cursor.partition("-")
    if not _is_number(start_ns) or not id_hex:
        raise BadRequestError("a cursor is what an earlier answer said as `next`")
    return Place(start_ns=int(start_ns), trace_id=trace_id(id_hex))


def cursor(after: Place | None) -> str | None:
    """The words for *after*."""
    return None if after is None else f"{after.start_ns}-{after.trace_id.hex()}"
