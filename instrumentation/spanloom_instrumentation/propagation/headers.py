"""Headers by their names, whatever their case."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from opentelemetry.propagators.textmap import CarrierT, Getter

LONGEST: Final = 8192
"""Characters of a value; longer ones tell nothing of a trace."""


def headers(carrier: CarrierT, getter: Getter[CarrierT], names: tuple[str, ...]) -> dict[str, str]:
    """The first value of each header that is there, by its name; names are in lower case."""
    found = {name: value for name in names if (value := _first(getter.get(carrier, name))) is not None}
    if found:
        return found
    # HTTP's getters do not care for case. Others are asked how their carrier spells it.
    keys = _spelled(carrier, getter)
    asked = ((name, getter.get(carrier, keys[name])) for name in names if name in keys)
    return {name: value for name, values in asked if (value := _first(values)) is not None}


def prefixed(
    carrier: CarrierT, getter: Getter[CarrierT], prefix: str, *, most: int
) -> Iterator[tuple[str, str]]:
    """What follows the prefix in the names of so many headers, in lower case, and their values."""
    keys = _spelled(carrier, getter)
    for name in islice([name for name in keys if name.startswith(prefix)], most):
        value = _first(getter.get(carrier, keys[name]))
        if value is not None:
            yield name.removeprefix(prefix), value


def _spelled(carrier: CarrierT, getter: Getter[CarrierT]) -> dict[str, str]:
    """The names of all headers as the carrier has them, by those in lower case; of several, the first."""
    # Every request passes here, and most have none of these headers: loops in C, not in Python.
    keys = [key for key in getter.keys(carrier) if type(key) is str]
    keys.reverse()
    return dict(zip(map(str.lower, keys), keys, strict=True))


def _first(values: object) -> str | None:
    value = next(iter(values), None) if isinstance(values, list | tuple) else values
    return value.strip() if isinstance(value, str) and len(value) <= LONGEST else None
