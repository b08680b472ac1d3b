"""The page that says what went wrong and what to do."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage:
    """All that error.html may use."""

    template: ClassVar[str] = "error.html"

    status: int
    title: str
    sentence: str
    advice: str
    trace_id: str = ""
    retry_href: str = ""


def trace_not_stored(trace_id: str, retry_href: str) -> ErrorPage:
    """The id may be right all the same."""
    return ErrorPage(
        status=404,
        title="No such trace",
        sentence="No span with this trace id has arrived (yet).",
        advice="Spans take a few seconds on their way: try again if the trace has only just been made.",
        trace_id=trace_id,
        retry_href=retry_href,
    )


def malformed_id(sentence: str) -> ErrorPage:
    """*sentence* says what an id looks like."""
    return ErrorPage(
        status=400,
        title="This is not a trace id",
        sentence=f"{sentence[:1].upper()}{sentence[1:]}.",
        advice="Copy the whole id, as logs write it: 4bf92f3577b34da6a3ce929d0e0e4736. "
        "A whole traceparent header will do, too.",
    )


def no_such_page() -> ErrorPage:
    """For every other address."""
    return ErrorPage(
        status=404,
        title="There is no such page",
        sentence="The address leads nowhere.",
        advice="Search for traces, or open one by its id with the box above.",
    )


def refused(sentence: str, status: int) -> ErrorPage:
    """The query service said no, and *sentence* says why."""
    return ErrorPage(
        status=status,
        title="This does not work",
        sentence=sentence,
        advice="Change the request and try again.",
    )


def unavailable(sentence: str, status: int, retry_href: str) -> ErrorPage:
    """Nothing the reader did wrong."""
    return ErrorPage(
        status=status,
        title="No answer from the query service",
        sentence=sentence,
        advice="Try again in a moment. If it stays so, look at the query service and at its storage.",
        retry_href=retry_href,
    )


def our_fault() -> ErrorPage:
    """A defect of the pages themselves."""
    return ErrorPage(
        status=500,
        title="This page failed",
        sentence="A defect in Spanloom's pages, not in your traces.",
        advice="The log of the process that serves this page has the details.",
    )
