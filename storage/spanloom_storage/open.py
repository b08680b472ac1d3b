"""Names of backends to backends: the one place that knows that there are several.

Others add theirs as an entry point of the group `spanloom.storage`: a function that takes the part
of the address after the colon and returns a `Storage`.
"""

from collections.abc import Callable
from importlib.metadata import entry_points

from spanloom_model.errors import MisconfiguredError
from spanloom_storage.api import Storage


def open_storage(address: str) -> Storage:
    """The storage at an address such as `embedded:/var/lib/spanloom`; connects to nothing yet.

    Raises MisconfiguredError for an address that no installed backend understands.
    """
    scheme, _, rest = address.partition(":")
    backends = entry_points(group="spanloom.storage")
    if scheme not in backends.names:
        known = ", ".join(sorted(backends.names))
        raise MisconfiguredError(f"no storage backend is called {scheme!r}; there are: {known}")
    make: Callable[[str], Storage] = backends[scheme].load()
    return make(rest)
