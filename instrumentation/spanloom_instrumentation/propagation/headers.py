"""Headers by their names, whatever their case."""

from collections.abc import Iterable, Iterator
from typing import Final

from opentelemetry.propagators.textmap import CarrierT, Getter

LONGEST: Final = 8192
"""Characters of a value; longer ones tell nothing of a trace."""


def headers(carrier: CarrierT, getter: Getter[CarrierT], names: tuple[str, ...]) -> dict[str, str]:
    """The first value of each header that is there, by its name; names are in lower case."""
    found = {name: value for name in names if (value := _first(getter.get(carrier, name))) is not None}
    if not found:
        # HTTP's getters do not care for case. Others are asked for the spelling, once.
        for name, key in _spelled(carrier, getter):
            if name in names and name not in found and (value := _first(getter.get(carrier, key))):
                found[name] = value
    return found


def prefixed(
    carrier: CarrierT, getter: Getter[CarrierT], prefix: str, *, most: int
) -> Iterator[tuple[str, str]]:
    """What follows the prefix in the names of headers, in lower case, and their values."""
    for name, key in _spelled(carrier, getter):
        if name.startswith(prefix):
            value = _first(getter.get(carrier, key))
            most -= 1
            if value is not None:
                yield name.removeprefix(prefix), value
            if not most:
                return


def _spelled(carrier: CarrierT, getter: Getter[CarrierT]) -> Iterator[tuple[str, str]]:
    keys: Iterable[object] = getter.keys(carrier)  # of whatever the getter makes keys
    return ((key.lower(), key) for key in keys if isinstance(key, str))


def _first(values: object) -> str | None:
    value = next(iter(values), None) if isinstance(values, list | tuple) else values
    return value.strip() if isinstance(value, str) and len(value) <= LONGEST else None
