"""The API's description: a page that needs nothing, since its script reads /openapi.json."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class DocsPage:
    """All that docs.html may use."""

    template: ClassVar[str] = "docs.html"
