"""Attributes that were written before: most keys, and the values of many, come again and again."""

from typing import Any, Final

from spanloom_instrumentation.encoding.values import any_value, length, pair, utf8

_MOST_KEYS: Final = 512
_LONGEST_KEY: Final = 128
_MOST_VALUES: Final = 64
"""Of one key; one with more values, like an order's number, is not worth remembering."""
_MOST_BYTES: Final = 128
_MOST_PAIRS: Final = 8192
"""Of all keys: some 2 MB. Then all are forgotten, and what is in use is soon there again."""


class Written:
    """Attributes as fields of one number, by type of value, key and value.

    `written.by_type[type(value)][key][value]` is the bytes. The type comes first because to a
    dictionary True, 1 and 1.0 are one key; floats, where 0.0 is -0.0, are always written anew.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.count = 0
        self.by_type = _Types(self)

    def remembered(self) -> None:
        """Count one more."""
        self.count += 1
        if self.count > _MOST_PAIRS:
            self.count = 0
            self.by_type.clear()


class _Types(dict[type, Any]):
    """Type → key → value → bytes."""

    def __init__(self, written: Written) -> None:
        self._written = written

    def __missing__(self, cls: type) -> Any:
        if cls in {str, int, bool}:
            return self.setdefault(cls, _Keys(self._written, cls))
        # Types of values are few where they come from our own spans, and unbounded where they do not.
        found = _Keys(self._written, cls)
        return self.setdefault(cls, found) if cls in {float, bytes, tuple, dict, type(None)} else found


class _Keys(dict[str, Any]):
    """Key → value → bytes."""

    def __init__(self, written: Written, cls: type) -> None:
        self._written = written
        self._make = {str: _Texts, int: _Values, bool: _Values}.get(cls, _Anew)

    def __missing__(self, key: str) -> Any:
        if len(self) >= _MOST_KEYS:
            self.clear()
        found = self._make(self._written, key)
        return self.setdefault(key, found) if len(key) <= _LONGEST_KEY else found


class _Anew:
    """Value → bytes, of values that cannot be remembered."""

    def __init__(self, written: Written, key: str) -> None:
        self._number = written.number
        self._key = key

    def __getitem__(self, value: Any) -> bytes:
        return pair(self._number, self._key, value)


class _Values(dict[Any, bytes]):
    """Value → bytes, of one key."""

    def __init__(self, written: Written, key: str) -> None:
        self._written = written
        self._tag = bytes([written.number << 3 | 2])
        data = utf8(key)
        self._key = b"\x0a" + length(len(data)) + data + b"\x12"

    def __missing__(self, value: Any) -> bytes:
        data = any_value(value)
        return self._remember(value, self._key + length(len(data)) + data)

    def _remember(self, value: Any, data: bytes) -> bytes:
        found = self._tag + length(len(data)) + data
        if len(self) < _MOST_VALUES and len(found) <= _MOST_BYTES:
            self[value] = found
            self._written.remembered()
        return found


class _Texts(_Values):
    """The same for strings, which are written most often."""

    def __missing__(self, value: str) -> bytes:
        data = utf8(value)
        size = length(len(data))
        return self._remember(value, self._key + length(len(data) + len(size) + 1) + b"\x0a" + size + data)
