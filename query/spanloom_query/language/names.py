"""What fields are called."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final

from spanloom_query.language.errors import QueryError
from spanloom_query.language.syntax import AttributeName, IntrinsicName, Name, Named, Scope, Type
from spanloom_query.language.tokens import Token, shortened

SHORT: Final[Mapping[str, Named]] = {
    "duration": Named.DURATION,
    "name": Named.NAME,
    "status": Named.STATUS,
    "statusMessage": Named.STATUS_MESSAGE,
    "kind": Named.KIND,
    "parent": Named.PARENT_ID,
    "childCount": Named.CHILD_COUNT,
    "rootName": Named.ROOT_NAME,
    "rootServiceName": Named.ROOT_SERVICE,
    "traceDuration": Named.TRACE_DURATION,
    "nestedSetLeft": Named.NESTED_SET_LEFT,
    "nestedSetRight": Named.NESTED_SET_RIGHT,
    "nestedSetParent": Named.NESTED_SET_PARENT,
}
"""Intrinsics without a scope."""
SCOPED: Final[Mapping[str, Named]] = {one.value: one for one in Named if ":" in one.value}

TYPES: Final[Mapping[Named, Type]] = {
    Named.DURATION: Type.DURATION,
    Named.STATUS: Type.STATUS,
    Named.KIND: Type.KIND,
    Named.CHILD_COUNT: Type.INT,
    Named.TRACE_DURATION: Type.DURATION,
    Named.EVENT_TIME_SINCE_START: Type.DURATION,
    Named.NESTED_SET_LEFT: Type.INT,
    Named.NESTED_SET_RIGHT: Type.INT,
    Named.NESTED_SET_PARENT: Type.INT,
}
"""The others are texts."""

_SCOPES: Final = {one.value: one for one in Scope}
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_LONGEST_GUESSED: Final = 60


def field_of(token: Token) -> Name:
    """The field that a name means. Raises QueryError that says which one may have been meant."""
    known = SHORT.get(token.text) or SCOPED.get(token.text)
    if known is not None:
        return IntrinsicName(known, at=token.at, length=len(token.text))
    scope, dot, key = token.text.partition(".")
    if not dot or scope not in _SCOPES:
        otherwise = f"an attribute is written `span.{token.text}` or `.{token.text}`" if dot else ""
        raise unknown("field", token, [*SHORT, *SCOPED, *_scopes_of(scope, key)], otherwise=otherwise)
    return AttributeName(_SCOPES[scope], _key(key, token), at=token.at, length=len(token.text))


def unknown(what: str, token: Token, known: Iterable[str], *, otherwise: str = "") -> QueryError:
    """What to raise for a name that is none of those that are known."""
    close = get_close_matches(token.text[:_LONGEST_GUESSED], list(known), n=1)
    hint = f"did you mean `{close[0]}`?" if close else shortened(otherwise, 120)
    return QueryError(f"unknown {what} `{shortened(token.text)}`", token.at, len(token.text), hint=hint)


def _scopes_of(scope: str, key: str) -> list[str]:
    """The attribute, where its scope is only misspelt."""
    if not key or any(named.partition(":")[2] == key for named in SCOPED):
        return []  # the intrinsic was meant
    close = get_close_matches(scope[:_LONGEST_GUESSED], [name for name in _SCOPES if name], n=1)
    return [f"{name}.{key}" for name in close]


def _key(written: str, token: Token) -> str:
    """A key without its quotes, in which only quotes and backslashes are escaped."""
    parts, end = [], 0
    for found in _QUOTED.finditer(written):
        wrong = re.search(r'\\[^"\\]', re.sub(r'\\["\\]', "", found[1]), re.DOTALL)
        if wrong:
            raise QueryError(f"unknown escape `{wrong[0]}` in an attribute's name", token.at, len(token.text))
        parts += [written[end : found.start()], re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL)]
        end = found.end()
    return "".join([*parts, written[end:]])
