"""Regular expressions as searches run them: RE2, which takes no longer than the text is long."""

from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_A_TEXT = pa.array([""])


@lru_cache(256)  # a search asks once for each part of the store
def is_pattern(pattern: str) -> bool:
    """Whether RE2 reads it."""
    try:
        pc.match_substring_regex(_A_TEXT, pattern)
        pc.match_substring_regex(_A_TEXT, _whole(pattern))
    except pa.ArrowInvalid:
        return False
    return True


def matches(texts: pa.StringArray, pattern: str) -> Any:
    """Which texts the pattern matches from their beginning to their end; it is one that RE2 reads."""
    return pc.match_substring_regex(texts, _whole(pattern))


def _whole(pattern: str) -> str:
    return "\\A(?:" + pattern + ")\\z"
