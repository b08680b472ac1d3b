"""One table of a configuration, read value by value; whatever is wrong is one sentence with its place."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from spanloom_model.errors import MisconfiguredError
from spanloom_storage.patterns import is_pattern

Value = TypeVar("Value")


class Entry:
    """A table whose values are asked for by name; what nobody has asked for is refused at the end."""

    def __init__(self, place: str, given: Mapping[str, Any]) -> None:
        self.place = place
        self._given = given
        self._asked: list[str] = []

    def __contains__(self, name: str) -> bool:
        self._asked.append(name)
        return name in self._given

    def needed(self, name: str, kind: type[Value]) -> Value:
        """A value that must be there."""
        if name not in self:
            raise self.wrong(f"{name} is missing")
        return self.value(name, kind)

    def optional(self, name: str, kind: type[Value], default: Value) -> Value:
        """A value, or what stands for it where it is not there."""
        return self.value(name, kind) if name in self else default

    def value(self, name: str, kind: type[Value]) -> Value:
        """A value that is there, of a type; a whole number is a number too, a truth is none."""
        found = self._given[name]
        if kind is float and type(found) is int:
            found = float(found)
        if type(found) is not kind:
            raise self.wrong(f"{name} is {_shown(found)}, not {_KINDS[kind]}")
        checked: Value = found
        return checked

    def texts(self, name: str) -> Sequence[str]:
        """A list of texts that is not empty; none where it is not there."""
        if name not in self:
            return ()
        found = self.value(name, list)
        if not found or not all(type(one) is str for one in found):
            raise self.wrong(f"{name} is {_shown(found)}, not a list of texts")
        return found

    def pattern(self, name: str) -> str:
        """A regular expression; empty where it is not there."""
        found = self.optional(name, str, "")
        if name in self._given and not found:
            raise self.wrong(f"{name} is empty, and would be found everywhere")
        check_pattern(found, self.place, name)
        return found

    def done(self) -> None:
        """Refuse what was not asked for."""
        for name in self._given:
            if name not in self._asked:
                allowed = ", ".join(dict.fromkeys(self._asked))
                raise self.wrong(f"{name} is unknown here; there are {allowed}")

    def wrong(self, what: str) -> MisconfiguredError:
        """What to raise."""
        return MisconfiguredError(f"{self.place}: {what}")


_KINDS = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


def check_pattern(pattern: str, place: str, name: str) -> None:
    """Raise MisconfiguredError where a pattern is none that RE2 reads."""
    if not is_pattern(pattern):
        raise MisconfiguredError(f"{place}: {name} is no regular expression that RE2 reads: {pattern!r}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
