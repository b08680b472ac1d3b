"""Finding traces."""

import httpx
import pytest

from spanloom_ui.sample_traces import NOW_NS, checkout_trace, hostile_trace
from tests.ui.conftest import Open, pages_over

MINUTE_NS = 60_000_000_000


async def test_the_front_door_leads_to_search(shop: httpx.AsyncClient) -> None:
    """Who opens the bare address gets somewhere."""
    response = await shop.get("/")
    assert (response.status_code, response.headers["location"]) == (307, "/search")


async def test_results_say_what_a_trace_was(shop: httpx.AsyncClient) -> None:
    """Name, age, duration, size, errors and services stand in the list."""
    page = (await shop.get("/search?lookback=all")).text
    assert "20 newest traces at any time" in page
    for words in (
        "POST /checkout",
        "26 spans",
        "7 errors",
        "588 ms",
        "3 s ago",
        'datetime="2026-09-21T14:13:16.400Z"',
    ):
        assert words in page


async def test_older_traces_are_one_link_away(shop: httpx.AsyncClient) -> None:
    """Following "older" reaches every trace once."""
    href, seen = "/search?lookback=7d", list[str]()
    while href:
        page = (await shop.get(href)).text
        seen += [part.split('"')[0] for part in page.split('class="result-title" href="')[1:]]
        href = (
            page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
            if 'rel="next"' in page
            else ""
        )
    assert len(seen) == len(set(seen)) == 60


async def test_the_form_keeps_what_was_asked(shop: httpx.AsyncClient) -> None:
    """After searching, the form still says for what."""
    page = (await shop.get("/search?service=cart&operation=SELECT+carts&lookback=3h&limit=50")).text
    assert '<option value="cart" selected>' in page
    assert 'value="SELECT carts"' in page
    assert '<option value="3h" selected>' in page
    assert '<option value="50" selected>' in page
    assert '<option value="UPDATE carts">' in page


async def test_operations_of_a_service_can_be_asked_for_alone(shop: httpx.AsyncClient) -> None:
    """Choosing a service offers its operations at once."""
    choices = (await shop.get("/search/operations?service=catalogue")).text
    assert choices == '<option value="GET /products"><option value="SELECT products">'


async def test_a_custom_range_is_read_as_utc(open_pages: Open) -> None:
    """The range in the form and the times in the list are in the same zone."""
    asked: list[httpx.Request] = []
    answers = {"services": {"services": ["a"]}, "traces": {"traces": [], "next": None}}

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=answers[request.url.path.rsplit("/", 1)[1]])

    query = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://query")
    await pages_over(query).get(
        "/search?lookback=custom&start=2026-09-21T12:00&end=2026-09-21T15:00:01%2B02:00"
    )
    assert asked[-1].url.params["start"] == "2026-09-21T12:00:00+00:00"
    assert asked[-1].url.params["end"] == "2026-09-21T15:00:01+02:00"


async def test_a_time_that_is_none_is_said_in_the_form(shop: httpx.AsyncClient) -> None:
    """A mistyped time costs one correction, not the whole form."""
    response = await shop.get("/search?service=cart&lookback=custom&start=yesterday")
    assert response.status_code == 400
    assert "The start of the range is a time like" in response.text
    assert '<option value="cart" selected>' in response.text


async def test_no_match_offers_a_wider_search(shop: httpx.AsyncClient) -> None:
    """Who finds nothing is shown what to try."""
    page = (await shop.get("/search?service=cart&operation=nothing&lookback=5m")).text
    assert "No traces match" in page
    assert "in the last 5 minutes" in page
    assert '"/search?service=cart&amp;operation=nothing&amp;lookback=24h&amp;limit=20"' in page
    assert "Any operation" in page


async def test_an_empty_store_says_how_to_begin(open_pages: Open) -> None:
    """The first page of a fresh install can be copied from."""
    response = await open_pages([]).get("/search")
    assert response.status_code == 200
    for words in (
        "pip install spanloom-instrumentation",
        "import spanloom_instrumentation",
        "spanloom_instrumentation.configure(service=&#34;my-service&#34;)",
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318",
        "4317",
        "spanloom demo",
    ):
        assert words.replace("&#34;", '"') in response.text.replace("&#34;", '"')


@pytest.mark.parametrize(
    "query", ["limit=x", "limit=-1", "limit=99999999", "lookback=eternity", "service=nobody"]
)
async def test_a_mangled_address_still_searches(shop: httpx.AsyncClient, query: str) -> None:
    """A link that was cut or edited gives a page."""
    assert (await shop.get(f"/search?{query}")).status_code == 200


async def test_names_are_shown_as_text(open_pages: Open) -> None:
    """A span name cannot become part of the page."""
    page = (await open_pages([hostile_trace()]).get("/search")).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "root not stored" in page
    assert len(page) < 60_000


async def test_a_trace_from_a_minute_ahead_is_listed(open_pages: Open) -> None:
    """A host whose clock runs a little ahead does not hide its traces."""
    ahead = checkout_trace(start_ns=NOW_NS + MINUTE_NS // 2)
    assert "in 30 s" in (await open_pages([ahead]).get("/search")).text


async def test_a_trace_from_the_far_future_is_not_on_top_for_ever(open_pages: Open) -> None:
    """One broken clock does not stand above every page; "any time" still finds its traces."""
    pages = open_pages([checkout_trace(start_ns=NOW_NS + 17_000_000 * MINUTE_NS)])
    assert "No traces match" in (await pages.get("/search?lookback=1h")).text
    assert "POST /checkout" in (await pages.get("/search?lookback=all")).text


@pytest.mark.parametrize(("seconds", "marked"), [(3, False), (20, True)])
async def test_a_missing_root_is_said_once_it_is_late(
    open_pages: Open, seconds: int, *, marked: bool
) -> None:
    """A request that is still running is not called broken."""
    rootless = checkout_trace(start_ns=NOW_NS - seconds * 1_000_000_000)[1:]
    assert ("root not stored" in (await open_pages([rootless]).get("/search")).text) == marked


async def test_a_range_backwards_is_said_as_such(shop: httpx.AsyncClient) -> None:
    """Who swaps the ends is told so, not that nothing was found."""
    response = await shop.get("/search?lookback=custom&start=2026-09-21T13:00&end=2026-09-21T12:00%2B00:00")
    assert response.status_code == 400
    assert "From is after To." in response.text


async def test_an_empty_range_is_any_time(shop: httpx.AsyncClient) -> None:
    """A range that nobody filled in is not called chosen."""
    page = (await shop.get("/search?lookback=custom")).text
    assert "20 newest traces at any time" in page
    assert "chosen" not in page
