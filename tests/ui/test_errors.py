"""What a reader sees when something is wrong."""

from typing import Any

import httpx
import pytest

from spanloom_model.errors import MisconfiguredError
from spanloom_ui import assets
from spanloom_ui.sample_traces import checkout_trace
from tests.ui.conftest import Open, pages_over

CHECKOUT = checkout_trace()[0].trace_id.hex()


def pages_where_query(answer: Any) -> httpx.AsyncClient:
    """The pages over a query service that answers like that."""
    return pages_over(httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://query"))


def failing(error: Exception) -> Any:
    """A query service that cannot be asked."""

    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    return answer


@pytest.mark.parametrize("path", ["/search", f"/trace/{CHECKOUT}", "/search/operations?service=a"])
@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (failing(httpx.ConnectError("refused")), 502, "cannot be reached"),
        (failing(httpx.ReadTimeout("slow")), 503, "did not answer in time"),
        (
            lambda _: httpx.Response(503, json={"detail": "Cassandra is starting."}),
            503,
            "Cassandra is starting.",
        ),
        (lambda _: httpx.Response(503, text="<html>"), 503, "not reachable yet"),
        (lambda _: httpx.Response(500, text="oops"), 502, "status 500"),
        (lambda _: httpx.Response(200, text="<html>"), 502, "makes no sense"),
        (lambda _: httpx.Response(200, json=[1]), 502, "makes no sense"),
        (
            lambda _: httpx.Response(200, json={"services": 5, "spans": None, "operations": [3]}),
            502,
            "makes no sense",
        ),
    ],
    ids=["down", "slow", "not ready", "not ready, no words", "broken", "no JSON", "no object", "nonsense"],
)
async def test_a_query_service_in_trouble_is_named(path: str, answer: Any, status: int, words: str) -> None:
    """The page says what is wrong and offers to try again; no stack trace."""
    response = await pages_where_query(answer).get(path)
    assert response.status_code == status
    assert words in response.text
    assert "Try again" in response.text
    assert "Traceback" not in response.text


async def test_a_refused_search_says_why() -> None:
    """The query service's own sentence stands above the form."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("services"):
            return httpx.Response(200, json={"services": ["a"]})
        return httpx.Response(400, json={"detail": "This cursor belongs to another search."})

    response = await pages_where_query(answer).get("/search?cursor=x")
    assert response.status_code == 400
    assert "This cursor belongs to another search." in response.text


async def test_an_unknown_trace_may_still_come(open_pages: Open) -> None:
    """A trace that is not stored yet is no dead end."""
    response = await open_pages([checkout_trace()]).get(f"/trace/{'ab' * 16}")
    assert response.status_code == 404
    assert "No span with this trace id has arrived (yet)." in response.text
    assert "ab" * 16 in response.text
    assert "Try again" in response.text


@pytest.mark.parametrize("text", ["xyz", "1" * 33, "0" * 32, "<script>", "%F0%9F%A7%B5"])
async def test_a_malformed_id_is_explained(shop: httpx.AsyncClient, text: str) -> None:
    """What was typed was no id, and the page says what one looks like."""
    for address in (f"/trace/{text}", f"/trace?id={text}"):
        response = await shop.get(address)
        assert response.status_code == 400
        assert "This is not a trace id" in response.text
        assert "<script>x" not in response.text


async def test_an_empty_box_leads_back(shop: httpx.AsyncClient) -> None:
    """Pressing Enter in the empty box is no error."""
    assert (await shop.get("/trace?id=")).headers["location"] == "/search"


@pytest.mark.parametrize("path", ["/nowhere", "/static/nothing.js", "/static/../pages.py", "/trace/a/b"])
async def test_an_unknown_address_is_a_page(shop: httpx.AsyncClient, path: str) -> None:
    """A wrong address gives a page with a way on."""
    response = await shop.get(path)
    assert response.status_code == 404
    assert "There is no such page" in response.text


async def test_a_span_that_is_not_there_is_not_found(open_pages: Open) -> None:
    """Asking for the panel of no span gives 404."""
    pages = open_pages([checkout_trace()])
    assert (await pages.get(f"/trace/{CHECKOUT}/span/ffff")).status_code == 404
    assert (await pages.get("/trace/xyz/span/ffff")).status_code == 400
    assert (await pages.get(f"/trace/{'ab' * 16}/span/ffff")).status_code == 404


async def test_only_reading_is_possible(shop: httpx.AsyncClient) -> None:
    """The pages change nothing."""
    assert (await shop.post("/search")).status_code == 405


async def test_a_defect_is_our_fault(caplog: pytest.LogCaptureFixture) -> None:
    """A bug gives a calm page, with the headers that protect the reader."""
    response = await pages_where_query(failing(RuntimeError("a bug"))).get("/search")
    assert response.status_code == 500
    assert "This page failed" in response.text
    assert "a bug" not in response.text
    assert "content-security-policy" in response.headers


def test_pages_that_were_not_built_say_so(tmp_path: Any) -> None:
    """Who forgot to build is told the command at the start, not a 404 later."""
    with pytest.raises(MisconfiguredError, match="make setup"):
        assets.Assets(tmp_path)
