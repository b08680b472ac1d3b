"""What every storage backend is held to, and spans to do it with; shipped, for backends of others."""

from spanloom_storage.testing.contract import StorageContract
from spanloom_storage.testing.requests import batch_of, checked_of, request_of

__all__ = ["StorageContract", "batch_of", "checked_of", "request_of"]
