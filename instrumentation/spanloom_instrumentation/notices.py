"""What is said in the log only once: who does something wrong does it a thousand times a second."""

import logging
from typing import Final

_log: Final = logging.getLogger("spanloom_instrumentation")
_said: set[str] = set()


def warn_once(message: str, *arguments: object) -> None:
    """Warn, unless this message was given before, whatever its arguments."""
    if message not in _said:
        _said.add(message)
        _log.warning(message, *arguments)
