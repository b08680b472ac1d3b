"""The embedded store: a directory of files, one process that writes, any number that read.

segment.py        what has been acknowledged, as it came     writer.py  appends to segments
block_writer.py   rows to columns in Parquet files           sealer.py  segments to blocks, in the background
stored_block.py   columns of a block's files                 reader.py  follows both, from any process
catalog.py        which files count at a moment
"""

from spanloom_storage.embedded.store import EmbeddedStorage, open_embedded

__all__ = ["EmbeddedStorage", "open_embedded"]
