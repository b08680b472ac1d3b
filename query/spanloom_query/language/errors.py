"""What is wrong with a query.

QueryError
└── NotRunYet    the query is right, and Spanloom does not run it yet
"""


class QueryError(Exception):
    """What is wrong; `str()` is one sentence for whoever wrote the query."""

    def __init__(self, what: str, at: int, length: int = 1, *, hint: str = "") -> None:
        super().__init__(f"{what} at {at + 1}" + (f"; {hint}" if hint else ""))
        self.at = at
        """The offset of the offending piece, in characters; the sentence counts from 1."""
        self.length = length


class NotRunYet(QueryError):
    """Nothing is wrong."""
