"""Looking at one trace."""

import re
from dataclasses import replace

import httpx
import pytest

from spanloom_model.ids import SpanId
from spanloom_ui.sample_traces import NOW_NS, checkout_trace, hostile_trace, huge_trace
from tests.ui.conftest import Open

CHECKOUT = checkout_trace()[0].trace_id.hex()
HOSTILE = hostile_trace()[0].trace_id.hex()
HUGE = huge_trace(1)[0].trace_id.hex()


async def test_the_head_says_what_the_trace_was(open_pages: Open) -> None:
    """The facts of a trace stand above its spans."""
    page = (await open_pages([checkout_trace()]).get(f"/trace/{CHECKOUT}")).text
    for words in (
        "<title>frontend: POST /checkout",
        "535 ms",
        "12 s ago",
        "2026-09-21 14:13:08.000 UTC",
        CHECKOUT,
    ):
        assert words in page
    assert page.count('class="pill service-') == 7


async def test_every_span_is_a_row_and_a_link(open_pages: Open) -> None:
    """Without a script the tree can be read and every span chosen."""
    page = (await open_pages([checkout_trace()]).get(f"/trace/{CHECKOUT}")).text
    assert page.count('role="row" data-row') == 26
    assert f'href="/trace/{CHECKOUT}?span=0000000000000014#row-19"' in page


async def test_the_chosen_span_shows_all_that_is_known(open_pages: Open) -> None:
    """Attributes, events with their times, a stack trace, the resource and what was dropped."""
    page = (await open_pages([checkout_trace()]).get(f"/trace/{CHECKOUT}?span=0000000000000014")).text
    panel = page.split('id="details"')[1]
    for words in (
        "CardDeclined: insufficient funds",
        "129.9",
        "+104 ms",
        "+235 ms in the trace",
        "<pre",
        "shop-01",
    ):
        assert words in panel
    assert "The client dropped 2 attributes." in panel
    assert "double" in panel


async def test_links_lead_to_other_traces(open_pages: Open) -> None:
    """A queue's consumer leads to who produced, here and elsewhere."""
    panel = (await open_pages([checkout_trace()]).get(f"/trace/{CHECKOUT}?span=0000000000000018")).text
    assert f'href="/trace/{CHECKOUT}?span=0000000000000017" data-span-link="0000000000000017"' in panel
    assert 'href="/trace/0000000000000002636865636b6f7574?span=0000000000000017"' in panel
    assert "same batch" in panel


async def test_the_panel_alone_is_the_panel_of_the_page(open_pages: Open) -> None:
    """Choosing with and without a script shows the same."""
    pages = open_pages([checkout_trace()])
    fragment = (await pages.get(f"/trace/{CHECKOUT}/span/0000000000000014?row=19")).text
    page = (await pages.get(f"/trace/{CHECKOUT}?span=0000000000000014")).text
    assert fragment.strip() in page
    assert "<html" not in fragment


async def test_spans_that_share_an_id_are_told_apart(open_pages: Open) -> None:
    """Of two spans with one id each can be looked at."""
    pages = open_pages([hostile_trace()])
    page = (await pages.get(f"/trace/{HOSTILE}")).text
    assert "1 span with the id of another span." in page
    hrefs = re.findall(r'href="(/trace/[^"]*span=0000000000000005&amp;row=[^"]*)"', page)
    assert len(hrefs) == 2
    panels = [(await pages.get(href.replace("&amp;", "&"))).text.split('id="details"')[1] for href in hrefs]
    assert "set back" in panels[0]
    assert "set back" not in panels[1]


async def test_a_huge_trace_comes_in_pages(open_pages: Open) -> None:
    """A hundred thousand spans are shown two thousand at a time."""
    pages = open_pages([huge_trace(4_500)])
    first = (await pages.get(f"/trace/{HUGE}")).text
    assert "Rows 1\N{EN DASH}2,000 of 4,500" in first
    assert first.count('role="row" data-row') == 2_000
    last = (await pages.get(f"/trace/{HUGE}?from=4000")).text
    assert "Rows 4,001\N{EN DASH}4,500 of 4,500" in last
    assert 'rel="next"' not in last
    assert "Continued inside" in last


async def test_a_span_far_down_opens_its_own_page(open_pages: Open) -> None:
    """A link to a span shows that span, wherever it is."""
    page = (await open_pages([huge_trace(4_500)]).get(f"/trace/{HUGE}?span=0000000000000bb8")).text
    assert "Rows 2,001\N{EN DASH}4,000" in page
    assert re.search(r'class="row chosen[^"]*" id="row-2999"', page)


@pytest.mark.parametrize("query", ["from=99999", "from=-1", "from=x", "span=nothing", "span=%ED%A0%80&row=7"])
async def test_a_mangled_address_still_shows_the_trace(open_pages: Open, query: str) -> None:
    """A link that was cut or edited gives the trace all the same."""
    response = await open_pages([checkout_trace()]).get(f"/trace/{CHECKOUT}?{query}")
    assert response.status_code == 200


async def test_hostile_values_stay_text(open_pages: Open) -> None:
    """Nothing that a client sent can become part of the page, or break it."""
    pages = open_pages([hostile_trace()])
    for span in range(1, 8):
        response = await pages.get(f"/trace/{HOSTILE}?span={span:016x}")
        assert response.status_code == 200
        assert "<script>alert" not in response.text
        assert "<img" not in response.text
        assert "<b>tick" not in response.text
        assert len(response.text) < 200_000


async def test_values_of_every_type_are_shown(open_pages: Open) -> None:
    """Bytes, lists, maps, numbers and empty values can be read."""
    panel = (await open_pages([hostile_trace()]).get(f"/trace/{HOSTILE}?span=0000000000000001")).text
    for words in (
        "AP8=",
        "-9223372036854775808",
        "1e+308",
        "{{ 7 * 7 }}",
        "(empty key)",
        ">empty<",
        ">true<",
    ):
        assert words in panel
    assert "[&#34;a&#34;, 1, [&#34;nested&#34;, null]]" in panel
    assert "{&#34;inner&#34;: {&#34;deep&#34;: 1.5}, &#34;plain&#34;: &#34;text&#34;}" in panel


async def test_a_long_value_is_folded_and_whole(open_pages: Open) -> None:
    """Ten thousand characters neither fill the panel nor get lost."""
    panel = (await open_pages([hostile_trace()]).get(f"/trace/{HOSTILE}?span=0000000000000003")).text
    assert "all 10,000 characters" in panel
    assert "endless-" * 1_250 in panel


async def test_ids_have_one_address(shop: httpx.AsyncClient) -> None:
    """An id as a log wrote it, in capitals or without zeros, leads to the same page."""
    for address in (
        f"/trace/{CHECKOUT.upper()}",
        f"/trace/{CHECKOUT.lstrip('0')}",
        f"/trace?id=+{CHECKOUT}+",
    ):
        response = await shop.get(address)
        assert (response.status_code, response.headers["location"]) == (303, f"/trace/{CHECKOUT}")


async def test_a_traceparent_leads_to_its_span(shop: httpx.AsyncClient) -> None:
    """The header of a request, pasted whole, opens the trace at the caller's span."""
    response = await shop.get(f"/trace?id=+00-{CHECKOUT.upper()}-0000000000000014-01+")
    assert response.status_code == 303
    assert response.headers["location"] == f"/trace/{CHECKOUT}?span=0000000000000014"


@pytest.mark.parametrize("text", [f"00-{'0' * 32}-0000000000000014-01", f"00-{CHECKOUT}-14-01"])
async def test_a_traceparent_that_is_none_is_said(shop: httpx.AsyncClient, text: str) -> None:
    """A header that was cut gives advice, not a wrong trace."""
    response = await shop.get("/trace", params={"id": text})
    assert response.status_code == 400
    assert "traceparent" in response.text


async def test_a_span_without_a_start_has_no_bar(open_pages: Open) -> None:
    """A client that forgot the time costs its own bar, not everybody's time line."""
    spans = checkout_trace()
    spans[4] = replace(spans[4], start_ns=0, duration_ns=NOW_NS)
    page = (await open_pages([spans]).get(f"/trace/{CHECKOUT}?span={spans[4].span_id.hex()}")).text
    row = page.split(f'data-span="{spans[4].span_id.hex()}"')[1].split("data-row")[0]
    assert "no start time" in row
    assert "<rect" not in row
    assert "1970" not in page
    assert page.count('class="bar"') == 25


async def test_a_span_that_ends_before_it_starts_is_a_tick(open_pages: Open) -> None:
    """A clock set back is shown as such, without a bar that runs backwards."""
    spans = checkout_trace()
    spans[4] = replace(spans[4], duration_ns=-12_000_000)
    spans[5] = replace(spans[5], duration_ns=-spans[5].start_ns)
    page = (await open_pages([spans]).get(f"/trace/{CHECKOUT}")).text
    rows = [page.split(f'data-span="{span.span_id.hex()}"')[1].split("data-row")[0] for span in spans[4:6]]
    assert all('width="0%"' in row for row in rows)
    assert "\N{MINUS SIGN}12.0 ms" in rows[0]
    assert "no end time" in rows[1]


async def test_deep_rows_say_their_level(open_pages: Open) -> None:
    """Indentation ends where it would leave no room for names; figures go on."""
    first = checkout_trace()[0]
    spans = [
        replace(
            first,
            span_id=SpanId(bytes([*bytes(7), n + 1])),
            parent_id=SpanId(bytes([*bytes(7), n])) if n else None,
        )
        for n in range(30)
    ]
    page = (await open_pages([spans]).get(f"/trace/{CHECKOUT}")).text
    assert '<span class="indent indent-12"></span><span class="level">30</span>' in page
    assert '<span class="indent indent-12"></span><span class="twisty"' in page
    assert "indent-13" not in page


async def test_usual_flags_are_no_news(open_pages: Open) -> None:
    """Flags are shown where they say more than the tree does."""
    spans = checkout_trace()
    spans[1] = replace(spans[1], flags=0x3FF)
    pages = open_pages([spans])
    assert "<bdi>flags" not in (await pages.get(f"/trace/{CHECKOUT}?span=0000000000000001")).text
    assert "0x3ff" in (await pages.get(f"/trace/{CHECKOUT}?span=0000000000000002")).text


async def test_names_break_where_their_parts_end(open_pages: Open) -> None:
    """The name of an attribute is not broken in mid-word where a dot is near."""
    page = (await open_pages([checkout_trace()]).get(f"/trace/{CHECKOUT}?span=0000000000000001")).text
    assert "http.<wbr>response.<wbr>status_<wbr>code<wbr>" in page
