"""What a remote sampler does where nothing else is said."""

from typing import Final

ENDPOINT: Final = "http://127.0.0.1:5778"
"""The agent's."""
POLLING_INTERVAL_S: Final = 60.0
INITIAL_PROBABILITY: Final = 0.001
"""Until an answer comes; that of Jaeger's clients."""
