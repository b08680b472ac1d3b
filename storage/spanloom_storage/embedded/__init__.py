"""The embedded store: a directory of segment files, one writer, any number of readers.

store/
  format            the number of the format, for whoever opens it later
  lock              held by the one process that writes
  00000001.spans    segments; the writer appends to the newest, the others are at rest
  00000002.spans
"""

from spanloom_storage.embedded.store import EmbeddedStorage, open_embedded

__all__ = ["EmbeddedStorage", "open_embedded"]
