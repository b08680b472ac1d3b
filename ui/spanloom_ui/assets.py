"""The built scripts and styles, named by their content so that browsers may keep them for ever."""

from hashlib import sha256
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from spanloom_model.errors import MisconfiguredError

STATIC = Path(__file__).parent / "static"
BUILT = ("theme.js", "page.js", "search.js", "trace.js", "docs.js", "spanloom.css", "docs.css")
_FOR_EVER = "public, max-age=31536000, immutable"
_BRIEFLY = "public, max-age=300"


class Assets:
    """Knows every file under `static/`; building it fails where the pages were not built."""

    def __init__(self, folder: Path = STATIC) -> None:
        missing = [name for name in BUILT if not (folder / "built" / name).is_file()]
        if missing:
            raise MisconfiguredError(
                f"the pages' scripts and styles are not built ({missing[0]} is missing): run `make setup`"
            )
        self._files = {
            path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
        }
        self._versions = {
            name: sha256(path.read_bytes()).hexdigest()[:12] for name, path in self._files.items()
        }

    def url(self, name: str) -> str:
        """The address that changes with the content of *name*."""
        return f"/static/{name}?v={self._versions[name]}"

    async def respond(self, request: Request) -> Response:
        """The file; kept for ever under its current version, else shortly."""
        name = request.path_params["name"]
        if name not in self._files:
            raise HTTPException(404)
        current = request.query_params.get("v") == self._versions[name]
        return FileResponse(self._files[name], headers={"cache-control": _FOR_EVER if current else _BRIEFLY})
