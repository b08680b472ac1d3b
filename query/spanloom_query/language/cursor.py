"""A place in the tokens of a query."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from spanloom_query.language.errors import QueryError
from spanloom_query.language.syntax import Piece
from spanloom_query.language.tokens import Kind, Token, tokens_of

MAX_DEPTH: Final = 64
"""Every step of a search goes down into a query by calling itself."""
MAX_PATTERNS: Final = 20
"""RE2 needs up to 25 ms to make one ready, once for each part of the store."""


class Cursor:
    """Goes from token to token."""

    def __init__(self, text: str) -> None:
        self._tokens = tokens_of(text)
        self.token = next(self._tokens)
        """The next one, not taken yet."""
        self._depth = 0
        self._patterns = 0

    def take(self) -> Token:
        """The next token; go on behind it."""
        token = self.token
        if token.kind is not Kind.END:
            self.token = next(self._tokens)
        return token

    def sees(self, *symbols: str) -> bool:
        """Whether one of these symbols is next."""
        return self.token.kind is Kind.SYMBOL and self.token.text in symbols

    def takes(self, symbol: str) -> bool:
        """Go on behind a symbol, if it is next."""
        found = self.sees(symbol)
        if found:
            self.take()
        return found

    def needs(self, symbol: str) -> Token:
        """Go on behind a symbol; raises QueryError where another token is next."""
        if not self.sees(symbol):
            raise self.unexpected(f"`{symbol}`")
        return self.take()

    def word(self, known: Iterable[str]) -> Token | None:
        """Go on behind one of these words, if it is next."""
        found = self.token.kind is Kind.WORD and self.token.text in known
        return self.take() if found else None

    def unexpected(self, expected: str) -> QueryError:
        """What to raise where something else should be next."""
        token = self.token
        return QueryError(f"expected {expected}, not {token.shown},", token.at, max(1, len(token.text)))

    def count_pattern(self, at: int) -> None:
        """One more; raises QueryError where it is one too many."""
        self._patterns += 1
        if self._patterns > MAX_PATTERNS:
            hint = "one pattern has alternatives too, as in `a|b`"
            raise QueryError(f"more than {MAX_PATTERNS} patterns", at, 2, hint=hint)

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """Within something that lies in something."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._too_deep(self.token.at)
        yield
        self._depth -= 1

    def depth_of(self, at: int, *parts: Piece | None, more: int = 1) -> int:
        """How deep a piece is that is made of these. Raises QueryError where that is too deep."""
        depth = more + max((part.depth for part in parts if part is not None), default=0)
        if depth > MAX_DEPTH:
            raise self._too_deep(at)
        return depth

    def _too_deep(self, at: int) -> QueryError:
        return QueryError(f"more than {MAX_DEPTH} pieces in each other", at)
