"""Hypothesis strategies for Zipkin's spans, as Zipkin itself would answer them."""

from ipaddress import IPv6Address
from typing import Final

from hypothesis import strategies as st

from spanloom_dialects.zipkin import names
from spanloom_dialects.zipkin.span import Annotation, Endpoint, Span

_INT64: Final = st.integers(1, 2**63 - 1)
_TIMES_US: Final = st.one_of(st.integers(1, 2**52), _INT64)
_TEXT: Final = st.text(max_size=12)
_NAMES: Final = _TEXT.map(str.lower).filter(lambda name: name == name.lower())
_HEX: Final = "0123456789abcdef"
_LINK: Final = f'{"ab" * 16}|{"cd" * 8}|a=1|{{"n":1,"t":"x"}}|0'
_MEANT: Final = {
    names.ERROR: ["", "true", "false", "it broke"],
    names.STATUS_CODE: ["OK", "ERROR", "UNSET"],
    names.STATUS_DESCRIPTION: ["it broke"],
    names.SCOPE_NAME: ["a.library", ""],
    names.SCOPE_VERSION: ["1.2"],
    names.TRACE_STATE: ["a=1,b=2"],
    names.SPAN_KIND: ["internal", "server"],
    f"{names.LINK}0": [_LINK, "no link", _LINK.replace("1", "1.50")],
    names.PEER_SERVICE: ["db", ""],
    names.PEER_IP: ["10.0.0.1", "no address"],
    names.PEER_PORT: ["80", "no port"],
    names.HOST_IP: ["::1"],
    names.HOST_PORT: ["8080"],
    "net.peer.name": ["db.example.org"],
    "network.peer.address": ["10.0.0.2"],
    "network.peer.port": ["5432"],
    "service.name": ["another"],
}
"""Tags that mean something, with values that do and that do not."""


def _ids(digits: int) -> st.SearchStrategy[str]:
    return st.text(_HEX, min_size=digits, max_size=digits).filter(lambda text: any(set(text) - {"0"}))


_TRACE_IDS: Final = st.one_of(_ids(16), _ids(32).filter(lambda text: not text.startswith("0" * 16)))
_IPV6: Final = st.integers(2**64, 2**127).map(lambda number: str(IPv6Address(number)))


@st.composite
def _endpoints(draw: st.DrawFn) -> Endpoint | None:
    endpoint = Endpoint(
        draw(st.one_of(st.none(), _NAMES.filter(bool))),
        draw(st.one_of(st.none(), st.ip_addresses(v=4).map(str))),
        draw(st.one_of(st.none(), _IPV6)),
        draw(st.one_of(st.none(), st.integers(1, 65535))),
    )
    return endpoint if endpoint != Endpoint() else None


@st.composite
def _tags(draw: st.DrawFn) -> dict[str, str] | None:
    keys = draw(st.lists(st.sampled_from(sorted(_MEANT)), max_size=5, unique=True))
    tags = {key: draw(st.sampled_from(_MEANT[key])) for key in keys}
    tags |= draw(st.dictionaries(_TEXT, _TEXT, max_size=3))
    return dict(sorted(tags.items())) or None


@st.composite
def zipkin_spans(draw: st.DrawFn) -> Span:
    """Any span that Zipkin could answer."""
    kind = draw(st.one_of(st.none(), st.sampled_from(sorted(names.KINDS))))
    own_id = draw(_ids(16))
    annotations = draw(st.lists(st.builds(Annotation, _TIMES_US, _TEXT), max_size=2, unique=True))
    return Span(
        trace_id=draw(_TRACE_IDS),
        parent_id=draw(st.one_of(st.none(), _ids(16).filter(lambda id_: id_ != own_id))),
        id=own_id,
        kind=kind,
        name=draw(st.one_of(st.none(), _NAMES.filter(bool))),
        timestamp=draw(st.one_of(st.none(), _TIMES_US)),
        duration=draw(st.one_of(st.none(), _TIMES_US)),
        local_endpoint=draw(_endpoints()),
        remote_endpoint=draw(_endpoints()),
        annotations=sorted(annotations) or None,
        tags=draw(_tags()),
        debug=draw(st.sampled_from((True, None))),
        shared=draw(st.sampled_from((True, None))) if kind != "CLIENT" else None,
    )
