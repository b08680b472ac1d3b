"""Attributes for every resource of a request that does not say them itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from spanloom_model.wire import field
from spanloom_storage.kernels import resources

MOST_ATTRIBUTES: Final = resources.MOST_KEYS

_SPARE_BYTES: Final = 2**16
_MOST_GROWTH: Final = 2
"""So many times its own size may be added to a request; a mass of tiny resources would become gigabytes."""


@dataclass(frozen=True, slots=True)
class Additions:
    """The attributes, in bytes."""

    keys: npt.NDArray[np.uint8]
    key_ends: npt.NDArray[np.int64]
    pairs: npt.NDArray[np.uint8]
    """Each as the `attributes` field of a Resource."""
    pair_ends: npt.NDArray[np.int64]

    @classmethod
    def of(cls, attributes: Mapping[str, str]) -> Self:
        """At most MOST_ATTRIBUTES."""
        keys = [key.encode() for key in attributes]
        pairs = [
            field(1, field(1, key) + field(2, field(1, text.encode())))
            for key, text in zip(keys, attributes.values(), strict=True)
        ]
        return cls(*_joined(keys), *_joined(pairs))


def with_attributes(request: bytes, additions: Additions) -> bytes | None:
    """A request that `otlp.checked` has passed, with what its resources lack; None where that is too much."""
    target = np.empty((1 + _MOST_GROWTH) * len(request) + _SPARE_BYTES, np.uint8)
    size = resources.add(
        np.frombuffer(request, np.uint8),
        additions.keys,
        additions.key_ends,
        additions.pairs,
        additions.pair_ends,
        target,
    )
    return None if size < 0 else target[:size].tobytes()


def _joined(parts: list[bytes]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    return np.frombuffer(b"".join(parts), np.uint8), np.cumsum([len(part) for part in parts], dtype=np.int64)
