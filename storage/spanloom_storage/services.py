"""Which service a resource belongs to."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spanloom_storage.arrays import texts_array
from spanloom_storage.batch import UNKNOWN_SERVICE
from spanloom_storage.kernels.rows import STRING, TEXT, Owners


def services_of(resources: Owners) -> Any:
    """The service of each resource as an Arrow array: the last `service.name`, if that is a string."""
    owners = np.repeat(np.arange(resources.begins.size - 1), np.diff(resources.begins))
    names = texts_array(resources.data, resources.keys)
    code = pc.index(names, "service.name").as_py()
    last = np.full(resources.begins.size - 1, -1, np.int64)
    mine = np.flatnonzero(resources.attributes["key"] >> 3 == code)
    last[owners[mine]] = mine  # of several, numpy keeps the last
    known = last >= 0
    known[known] = resources.attributes["key"][last[known]] & 7 == STRING
    chosen = resources.attributes[np.where(known, last, 0)] if len(resources.attributes) else None
    if chosen is None:
        return pa.array([UNKNOWN_SERVICE] * known.size, pa.string())
    texts = np.zeros(known.size, TEXT)
    texts["at"], texts["size"] = chosen["value"], chosen["size"]
    texts[~known] = 0
    return pc.if_else(pa.array(known), texts_array(resources.data, texts), UNKNOWN_SERVICE)
