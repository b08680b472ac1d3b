"""What can be set of the query service."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySettings:
    """The section `query`."""

    listen: str = field(
        default="127.0.0.1:16686", metadata={"help": "where the pages and the API are served"}
    )
