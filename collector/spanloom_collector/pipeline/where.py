"""Conditions as tables of a configuration: a field, what it is compared with; all of them must hold.

    where = { name = "GET /health", duration = { below = "10ms" } }

docs/pipeline.md has the language.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from spanloom_collector.pipeline.entry import check_pattern
from spanloom_model.errors import MisconfiguredError
from spanloom_model.span import SpanKind, StatusCode
from spanloom_storage.conditions import (
    All,
    AnyOf,
    Attribute,
    Compare,
    Condition,
    Exists,
    Field,
    Intrinsic,
    Not,
    Operator,
    Owner,
    Value,
)

OWNERS: Final = {
    "span": Owner.SPAN,
    "event": Owner.EVENT,
    "link": Owner.LINK,
    "resource": Owner.RESOURCE,
    "scope": Owner.SCOPE,
}
FIELDS: Final = {
    "service": Intrinsic.SERVICE,
    "name": Intrinsic.NAME,
    "kind": Intrinsic.KIND,
    "status": Intrinsic.STATUS,
    "status_message": Intrinsic.STATUS_MESSAGE,
    "duration": Intrinsic.DURATION_NS,
    "parent": Intrinsic.PARENT_ID,
    "scope_name": Intrinsic.SCOPE_NAME,
    "scope_version": Intrinsic.SCOPE_VERSION,
    "event_name": Intrinsic.EVENT_NAME,
}
COMPARISONS: Final = {
    "not": Operator.NOT_EQUAL,
    "below": Operator.LESS,
    "at_most": Operator.LESS_OR_EQUAL,
    "above": Operator.GREATER,
    "at_least": Operator.GREATER_OR_EQUAL,
    "matches": Operator.MATCHES,
    "not_matches": Operator.NOT_MATCHES,
}
_EXISTS: Final = "exists"
_ORDERED: Final = {"below", "at_most", "above", "at_least"}
_UNITS_NS: Final = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|m)")


def read_where(given: object, place: str) -> Condition:
    """A condition; raises MisconfiguredError that says what is wrong at which place."""
    if not isinstance(given, Mapping) or not given:
        raise MisconfiguredError(f'{place} is a table of conditions, as in {{ name = "GET /health" }}')
    return _together([_entry(name, value, f"{place}: {name}") for name, value in given.items()])


def _together(conditions: list[Condition]) -> Condition:
    return conditions[0] if len(conditions) == 1 else All(tuple(conditions))


def _entry(name: str, value: object, place: str) -> Condition:
    match name:
        case "all" | "any":
            if not isinstance(value, list) or not value:
                raise MisconfiguredError(f"{place} is a list of tables of conditions")
            parts = tuple(read_where(one, place) for one in value)
            return All(parts) if name == "all" else AnyOf(parts)
        case "not":
            return Not(read_where(value, place))
    return _compared(_field(name, place), value, place)


def _field(name: str, place: str) -> Field:
    if name in FIELDS:
        return FIELDS[name]
    owner, dot, key = name.partition(".")
    if dot and key and owner in OWNERS:
        return Attribute(OWNERS[owner], key)
    if dot and key and not owner:
        return Attribute(Owner.ANY, key)
    raise MisconfiguredError(
        f"{place} is no field; there are {', '.join(FIELDS)}, and attributes as"
        ' "span.KEY", "resource.KEY", "event.KEY", "link.KEY", "scope.KEY" or ".KEY", in quotes'
    )


def _compared(field: Field, value: object, place: str) -> Condition:
    """A value means that one, a list any of them, a table what its comparisons say."""
    if isinstance(value, list) and value:
        return AnyOf(tuple(Compare(field, Operator.EQUAL, _value(field, one, place)) for one in value))
    if not isinstance(value, Mapping):
        return Compare(field, Operator.EQUAL, _value(field, value, place))
    if not value:
        raise MisconfiguredError(f"{place} compares with nothing; there are {', '.join(COMPARISONS)}, exists")
    return _together([_comparison(field, name, one, place) for name, one in value.items()])


def _comparison(field: Field, name: str, value: object, place: str) -> Condition:
    if name == _EXISTS:
        if not isinstance(value, bool):
            raise MisconfiguredError(f"{place}: exists is true or false, not {value!r}")
        return Exists(field) if value else Not(Exists(field))
    if name not in COMPARISONS:
        raise MisconfiguredError(
            f"{place} has {name}, which is no comparison; there are {', '.join(COMPARISONS)}, exists"
            " (a key with dots stands in quotes)"
        )
    if name in {"matches", "not_matches"}:
        if not isinstance(value, str) or field in _READERS:
            raise MisconfiguredError(f"{place}: {name} is for texts, and takes a regular expression")
        check_pattern(value, place, name)
        return Compare(field, COMPARISONS[name], value)
    if name in _ORDERED and (isinstance(value, bool) or field in {Intrinsic.KIND, Intrinsic.STATUS}):
        raise MisconfiguredError(f"{place}: {name} is for what has an order")
    if name == "not" and isinstance(value, list) and value:
        return _together([Compare(field, Operator.NOT_EQUAL, _value(field, one, place)) for one in value])
    return Compare(field, COMPARISONS[name], _value(field, value, place))


def _value(field: Field, value: object, place: str) -> Value:
    if isinstance(field, Intrinsic):
        return _READERS.get(field, _text)(value, place)
    if isinstance(value, str | bool | int | float):
        return value
    raise MisconfiguredError(f"{place}: {value!r} is neither a text, a number, true nor false")


def _text(value: object, place: str) -> str:
    if isinstance(value, str):
        return value
    raise MisconfiguredError(f"{place}: {value!r} is not a text")


def _kind(value: object, place: str) -> int:
    return _labelled({kind.label: kind.value for kind in SpanKind}, value, place)


def _status(value: object, place: str) -> int:
    return _labelled({code.label: code.value for code in StatusCode}, value, place)


def _labelled(numbers: Mapping[str, int], value: object, place: str) -> int:
    if isinstance(value, str) and value in numbers:
        return numbers[value]
    raise MisconfiguredError(f"{place}: {value!r} is none of {', '.join(numbers)}")


def _duration_ns(value: object, place: str) -> int:
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise MisconfiguredError(f'{place}: {value!r} is not a duration, such as "10ms", "1.5s" or "2m"')
    return round(float(found[1]) * _UNITS_NS[found[2]])


_READERS: Final[Mapping[Any, Callable[[object, str], Value]]] = {
    Intrinsic.KIND: _kind,
    Intrinsic.STATUS: _status,
    Intrinsic.DURATION_NS: _duration_ns,
}
