"""TraceQL: text to syntax (`parser`), checked (`checking`), to a question for storage (`planning`)."""

from typing import Final

from spanloom_query.language.checking import check
from spanloom_query.language.errors import NotRunYet, QueryError
from spanloom_query.language.parser import parse
from spanloom_query.language.planning import plan
from spanloom_storage.span_sets import SpanSet

__all__: Final = ["NotRunYet", "QueryError", "read_query"]


def read_query(text: str) -> SpanSet:
    """The spans that a query is about. Raises QueryError that says what is wrong, and where."""
    query = parse(text)
    check(query)
    return plan(query)
