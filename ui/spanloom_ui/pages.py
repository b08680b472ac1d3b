"""A page is a frozen dataclass and a template that decides nothing."""

from dataclasses import Field, fields
from typing import Any, ClassVar, Protocol

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

from spanloom_ui.assets import Assets
from spanloom_ui.wording import breakable, number


class Page(Protocol):
    """All that the template named may use."""

    template: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


class Pages:
    """Draws pages."""

    def __init__(self, assets: Assets) -> None:
        self._environment = Environment(
            loader=PackageLoader("spanloom_ui"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["asset"] = assets.url
        self._environment.filters["number"] = number
        self._environment.filters["breakable"] = breakable

    def respond(self, page: Page, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
        """The page as an HTTP response that no cache keeps."""
        template = self._environment.get_template(page.template)
        values = {field.name: getattr(page, field.name) for field in fields(page)}
        return Response(
            # Half a surrogate pair is valid JSON and no valid UTF-8: it becomes a question mark.
            template.render(values).encode(errors="replace"),
            status,
            media_type="text/html",
            headers={"cache-control": "no-store", **(headers or {})},
        )
