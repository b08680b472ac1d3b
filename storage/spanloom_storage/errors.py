"""What storage may raise.

StorageError
├── Rejected          this can never be stored or answered as it is: do not retry
└── Unavailable       try again later: down, full or timed out
    └── Overloaded    up, but shedding: slow down as well

MisconfiguredError    the store cannot be opened as asked; said at start, never after
"""


class StorageError(Exception):
    """Any refusal; its text is one sentence for whoever asked."""


class Rejected(StorageError):
    """The same data or question will be refused again."""


class Unavailable(StorageError):
    """The same data or question may succeed later."""


class Overloaded(Unavailable):
    """Later, and more slowly."""


class MisconfiguredError(Exception):
    """The store cannot be opened; its text is one sentence for the person at the terminal."""
