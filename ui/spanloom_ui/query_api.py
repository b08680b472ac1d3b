"""The query service, as the pages ask it.

QueryError
├── Refused        the request is wrong as it stands: say why
└── Unavailable    nothing is wrong with the request: try again later
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import httpx

from spanloom_ui.answers import Operation, Traces, Tree

_log = logging.getLogger(__name__)


class QueryError(Exception):
    """The query service gave no answer to show; `str()` is a sentence for the reader."""

    def __init__(self, sentence: str, *, status: int) -> None:
        super().__init__(sentence)
        self.status = status
        """The HTTP status that the page should have."""


class Refused(QueryError):
    """The request is wrong as it stands (400), or names what is not stored (404)."""


class Unavailable(QueryError):
    """The query service is down, slow, not ready (503) or answers nonsense (502)."""


class QueryApi:
    """Asks over HTTP; every failure is a `QueryError`."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def services(self) -> list[str]:
        """Every service that has sent spans, sorted."""
        answer = await self._get("services")
        with understood():
            return [str(name) for name in answer["services"]]

    async def operations(self, service: str) -> list[Operation]:
        """What *service* calls its spans, sorted by name."""
        answer = await self._get("operations", {"service": service})
        with understood():
            return cast("list[Operation]", answer["operations"])

    async def find(self, conditions: Mapping[str, str]) -> Traces:
        """The newest traces under *conditions*, which are the API's own parameters."""
        return cast("Traces", await self._get("traces", conditions))

    async def tree(self, trace_id: str) -> Tree:
        """One trace; raises `Refused` with status 404 where it is not stored."""
        return cast("Tree", await self._get(f"traces/{trace_id}/tree"))

    async def _get(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        try:
            response = await self._client.get(f"/api/v1/{path}", params=params)
        except httpx.TimeoutException as exc:
            raise Unavailable("The query service did not answer in time.", status=503) from exc
        except httpx.HTTPError as exc:
            raise Unavailable("The query service cannot be reached.", status=502) from exc
        if response.is_success:
            # Large traces are tens of megabytes: reading them must not hold up other readers.
            return await asyncio.to_thread(_json_object, response)
        raise _refusal(response)


@contextmanager
def understood() -> Iterator[None]:
    """Turns an answer that breaks the API's promise into `Unavailable`."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError) as exc:
        _log.warning("The query service's answer makes no sense.", exc_info=True)
        raise Unavailable("The query service's answer makes no sense to these pages.", status=502) from exc


def _json_object(response: httpx.Response) -> dict[str, Any]:
    with understood():
        answer = response.json()
        if not isinstance(answer, dict):
            raise TypeError(f"a JSON object, not {type(answer).__name__}")
        return answer


def _refusal(response: httpx.Response) -> QueryError:
    if response.status_code == 503:
        return Unavailable(_sentence(response, otherwise="The storage is not reachable yet."), status=503)
    if response.status_code in (400, 404):
        sentence = _sentence(response, otherwise="The query service refused the request.")
        return Refused(sentence, status=response.status_code)
    return Unavailable(f"The query service answered with status {response.status_code}.", status=502)


def _sentence(response: httpx.Response, *, otherwise: str) -> str:
    try:
        return str(response.json()["detail"])[:1000]
    except (ValueError, TypeError, LookupError):
        return otherwise
