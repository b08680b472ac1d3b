"""What storage may raise.

StorageError
├── Unanswerable      the question makes no sense: do not repeat it
└── Unavailable       try again later: down, full or timed out
    └── Overloaded    up, but shedding: slow down as well

What only a person can put right is `spanloom_model.errors.MisconfiguredError`, raised on opening.
"""


class StorageError(Exception):
    """Any refusal; its text is one sentence for whoever asked."""


class Unanswerable(StorageError):
    """Whoever asked has to ask otherwise."""


class Unavailable(StorageError):
    """The same data or question may succeed later."""


class Overloaded(Unavailable):
    """Later, and more slowly."""
