"""Attributes that were written before: most keys, and the values of many, come again and again."""

from typing import Any, Final

from spanloom_instrumentation.encoding.values import any_value, length, pair, utf8

_MOST_KEYS: Final = 512
_MOST_VALUES: Final = 64
"""Of one key; one with more values, like an order's number, is not worth remembering."""
MOST_BYTES: Final = 128
"""What is longer is not worth remembering either."""
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
        found = self._make(self._written, key)
        if len(self) >= _MOST_KEYS:
            self.clear()
        if len(key) <= MOST_BYTES:
            self[key] = found
        return found


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
        found = self._begin(len(data)) + data
        if len(self) < _MOST_VALUES:
            self._keep(value, found)
        return found

    def _begin(self, size: int) -> bytes:
        """All that stands before an AnyValue of so many bytes."""
        begun = self._key + length(size)
        return self._tag + length(len(begun) + size) + begun

    def _keep(self, value: Any, found: bytes) -> None:
        if len(found) <= MOST_BYTES:
            self[value] = found
            self._written.remembered()


class _Texts(_Values):
    """The same for strings, which are written most often: what stands before one depends on its length."""

    def __init__(self, written: Written, key: str) -> None:
        super().__init__(written, key)
        self._begun: dict[int, bytes] = {}

    def __missing__(self, value: str) -> bytes:
        data = utf8(value)
        found = (self._begun.get(len(data)) or self._begin_text(len(data))) + data
        if len(self) < _MOST_VALUES:
            self._keep(value, found)
        return found

    def _begin_text(self, size: int) -> bytes:
        string = b"\x0a" + length(size)
        found = self._begin(len(string) + size) + string
        if size <= MOST_BYTES:
            self._begun[size] = found
            self._written.remembered()
        return found
