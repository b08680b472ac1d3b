"""A query cut into tokens, in one pass from left to right."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from math import inf
from typing import Final

from spanloom_query.language.errors import QueryError

MAX_LENGTH: Final = 16_384
"""In characters; so many are read in less than a tenth of a second."""
MAX_INT: Final = 2**63 - 1
_LONGEST_NUMBER: Final = 100
"""What is longer would only cost time to be found too large."""


class Kind(Enum):
    """What a token is."""

    STRING = "a text"
    INT = "a whole number"
    FLOAT = "a number"
    DURATION = "a duration"
    WORD = "a word"
    """Of letters: a keyword, a function, an intrinsic."""
    NAME = "a name"
    """An attribute, as in `span.key` or `.key`, or an intrinsic with its scope, as in `span:kind`."""
    SYMBOL = "a symbol"
    END = "the end"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a query."""

    kind: Kind
    text: str
    at: int
    value: str | int | float = 0
    """Of a constant."""

    @property
    def shown(self) -> str:
        """As messages name it."""
        return "the end" if self.kind is Kind.END else f"`{shortened(self.text)}`"


def shortened(text: str, most: int = 60) -> str:
    """A text that fits into a sentence."""
    return text if len(text) <= most else text[: most - 1] + "…"


_TOKEN: Final = re.compile(
    r"""
    (?P<space> (?: \s | //[^\n]* | /\*.*?\*/ )+ )
    | (?P<comment> /\* )
    | (?P<text> "(?:[^"\\\n]|\\.)*" )
    | (?P<raw> `[^`]*` )
    | (?P<duration> (?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|[smhdwy]))+ (?![\w.]) )
    | (?P<float> (?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]) | \d+[eE][+-]?\d+(?![\w.]) )
    | (?P<int> \d+(?![\w.]) )
    | (?P<name> (?:[^\W\d]\w*)? \. (?:[^\s{}()=~!<>&|^,"] | "(?:[^"\\]|\\.)*")+ | [^\W\d]\w* : [^\W\d]\w* )
    | (?P<word> [^\W\d]\w* )
    | (?P<symbol> [!&]?(?:>>|<<) | && | \|\| | [<>!]= | =~ | [!&][~<>] | [-{}(),=<>!~+*/%^|] )
    """,
    re.VERBOSE | re.DOTALL,
)
_UNIT_NS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86_400 * 10**9,
    "w": 7 * 86_400 * 10**9,
    "y": 365 * 86_400 * 10**9,
}
_DURATION: Final = re.compile(r"([\d.]+)([a-zµμ]+)")
_ESCAPE: Final = re.compile(
    r"\\(?:[abfnrtv\\\"]|[0-7]{3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})|\\.?", re.DOTALL
)
_ESCAPED: Final = {
    "a": b"\a",
    "b": b"\b",
    "f": b"\f",
    "n": b"\n",
    "r": b"\r",
    "t": b"\t",
    "v": b"\v",
    "\\": b"\\",
    '"': b'"',
}


def tokens_of(text: str) -> Iterator[Token]:
    """The tokens, with the end as the last. Raises QueryError for what is none."""
    if len(text) > MAX_LENGTH:
        raise QueryError(f"a query of more than {MAX_LENGTH} characters, cut", MAX_LENGTH)
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _no_token(text, at)
        if found.lastgroup != "space":
            yield _token(str(found.lastgroup), found[0], at)
        at = found.end()
    yield Token(Kind.END, "", len(text))


def _token(group: str, text: str, at: int) -> Token:
    match group:
        case "comment":
            raise QueryError("a comment without its end", at, 2, hint="it is closed by */")
        case "text":
            return Token(Kind.STRING, text, at, _unescaped(text, at))
        case "raw":
            return Token(Kind.STRING, text, at, text[1:-1].replace("\r", ""))
        case "duration":
            return Token(Kind.DURATION, text, at, _in_range(_duration_ns(text), text, at))
        case "float":
            return Token(Kind.FLOAT, text, at, _in_range(float(text), text, at))
        case "int":
            return Token(Kind.INT, text, at, _in_range(_int(text), text, at))
        case "name":
            return Token(Kind.NAME, text, at)
        case "word":
            return Token(Kind.WORD, text, at)
    return Token(Kind.SYMBOL, text, at)


def _int(text: str) -> int:
    return int(text) if len(text) <= _LONGEST_NUMBER else MAX_INT + 1


def _duration_ns(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        return MAX_INT + 1
    return int(sum(Fraction(number) * _UNIT_NS[unit] for number, unit in _DURATION.findall(text)))


def _in_range(number: float, text: str, at: int) -> float:
    if number == inf or (isinstance(number, int) and number > MAX_INT):
        raise QueryError(f"`{shortened(text)}` is too large for 64 bits", at, len(text))
    return number


def _unescaped(text: str, at: int) -> str:
    """What a quoted text stands for."""
    parts, end = [], 1
    for found in _ESCAPE.finditer(text, 1, len(text) - 1):
        parts += [text[end : found.start()].encode(), _escaped(found[0], at + found.start())]
        end = found.end()
    parts.append(text[end:-1].encode())
    try:
        return b"".join(parts).decode()
    except UnicodeDecodeError as exc:
        raise QueryError("a text that is not UTF-8", at, len(text)) from exc


def _escaped(escape: str, at: int) -> bytes:
    code = escape[1:2]
    if code in _ESCAPED and len(escape) == 2:
        return _ESCAPED[code]
    if len(escape) < 4:
        raise QueryError(f"unknown escape `{escape}`", at, len(escape), hint="a backslash is written twice")
    number = int(escape[1:], 8) if code.isdigit() else int("0x" + escape[2:], 0)
    try:
        return chr(number).encode() if code in "uU" else number.to_bytes(1, "big")
    except (ValueError, OverflowError) as exc:
        raise QueryError(f"no character `{escape}`", at, len(escape)) from exc


def _no_token(text: str, at: int) -> QueryError:
    match text[at]:
        case '"' | "`":
            return QueryError("a text without its end", at, hint=f"it is closed by another {text[at]}")
        case "." if not text[at + 1 : at + 2].strip():
            return QueryError("an attribute without a name", at)
        case "." | "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9":
            piece = re.compile(r"[\w.]*").match(text, at)
            wrong = piece[0] if piece else text[at]
            return QueryError(
                f"`{shortened(wrong)}` is no number", at, len(wrong), hint="durations end in ns to y"
            )
    return QueryError(f"unexpected `{text[at]}`", at)
