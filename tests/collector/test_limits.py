"""Limits at the doors: what is beyond them is cut or refused, told and counted."""

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from spanloom_collector.refusal import UNREADABLE
from spanloom_storage.errors import Unavailable
from spanloom_storage.testing.requests import request_of
from spanloom_storage.testing.samples import span
from tests.collector.inside import grpc_door, http_door
from tests.collector.test_jaeger import THRIFT, thrift
from tests.collector.test_otlp_grpc import EXPORT

PROTOBUF = {"content-type": "application/x-protobuf"}


def with_attributes(*texts: str) -> bytes:
    """A request with a span of these values."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.add(key="service.name").value.string_value = "shop"
    one = resource_spans.scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8)
    for number, text in enumerate(texts):
        one.attributes.add(key=f"k{number}").value.string_value = text
    return request.SerializeToString()


async def test_what_was_cut_is_told_and_counted() -> None:
    """The span is stored and says what it lacks; the answer is OTLP's warning."""
    async with http_door("http_listen", max_attributes=2, max_value_bytes=16) as door:
        answer = await door.post("/v1/traces", with_attributes("v" * 17, "b", "c"), PROTOBUF)
        partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
        assert partial.rejected_spans == 0
        for said in ("1 × a value cut to its limit", "1 × an attribute dropped as one too many"):
            assert said in partial.error_message
        (stored,) = door.store.stored
        assert dict(stored.attributes) == {"k0": "v" * 16, "k1": "b"}
        assert stored.dropped_attributes_count == 2
        metrics = await door.metrics()
        for reason in ("a value cut to its limit", "an attribute dropped as one too many"):
            line = f'spanloom_collector_attributes_cut_total{{door="otlp-http",reason="{reason}"}} 1.0'
            assert line in metrics


async def test_too_many_spans_are_too_large_a_request() -> None:
    """Refused as a whole, as each protocol says it."""
    async with http_door("http_listen", max_request_spans=2) as door:
        body = request_of([span(1, number) for number in (1, 2, 3)])
        answer = await door.post("/v1/traces", body, PROTOBUF)
        assert answer.status_code == 413
        assert b"larger than 2 spans" in answer.content
    async with http_door("jaeger_http_listen", max_request_spans=2) as door:
        answer = await door.post("/api/traces", thrift(1, 2, 3), THRIFT)
        assert (answer.status_code, answer.text) == (413, f"{UNREADABLE}the request is larger than 2 spans")
    async with http_door("zipkin_listen", max_request_spans=2) as door:
        body = b"[%b]" % b",".join(b'{"traceId":"a","id":"%d"}' % number for number in (1, 2, 3))
        answer = await door.post("/api/v2/spans", body)
        assert (answer.status_code, answer.text) == (413, "the request is larger than 2 spans")


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("host.name=h1,k8s.pod.uid=a%2Cb%3D%C3%A4", {"host.name": "h1", "k8s.pod.uid": "a,b=ä"}),
        ("service.name=agent, host.name = h1 ,", {"host.name": "h1"}),
        ("", {}),
    ],
)
async def test_resources_get_what_the_agent_knows_of_the_host(header: str, found: dict[str, str]) -> None:
    """Every span says where it ran; what the application says itself stays."""
    async with http_door("http_listen") as door:
        await door.post("/v1/traces", with_attributes("v"), {**PROTOBUF, "Spanloom-Host-Resource": header})
        (stored,) = door.store.stored
        assert dict(stored.resource.attributes) == {"service.name": "shop", **found}


async def test_host_is_told_over_grpc_too() -> None:
    """As metadata of the call."""
    async with grpc_door("grpc_listen") as door:
        await door.call(EXPORT, with_attributes("v"), metadata=(("spanloom-host-resource", "host.name=h1"),))
        assert dict(door.store.stored[0].resource.attributes)["host.name"] == "h1"


@pytest.mark.parametrize(
    "header", ["nonsense", "=v", "k=%FF", ",".join(f"k{number}=v" for number in range(65)), "k=" + "v" * 9000]
)
async def test_malformed_word_of_a_host_costs_no_span(header: str) -> None:
    """It is ignored and counted."""
    async with http_door("http_listen") as door:
        answer = await door.post(
            "/v1/traces", with_attributes("v"), {**PROTOBUF, "Spanloom-Host-Resource": header}
        )
        assert answer.status_code == 200
        assert dict(door.store.stored[0].resource.attributes) == {"service.name": "shop"}
        line = 'agent_headers_ignored_total{header="spanloom-host-resource",reason="malformed"} 1.0'
        assert line in await door.metrics()


async def test_losses_before_agents_are_added_up() -> None:
    """What only agents can know is where all else is counted; nonsense is not."""
    async with http_door("http_listen") as door:
        for said in ("shop=25,caf%C3%A9=3", "shop=5", "shop=-1", "shop=many", "shop=1" + "0" * 13):
            await door.post("/v1/traces", with_attributes("v"), {**PROTOBUF, "Spanloom-Spans-Lost": said})
        metrics = await door.metrics()
    assert 'spanloom_collector_spans_lost_before_agents_total{service="shop"} 30.0' in metrics
    assert 'spanloom_collector_spans_lost_before_agents_total{service="café"} 3.0' in metrics
    assert 'agent_headers_ignored_total{header="spanloom-spans-lost",reason="malformed"} 3.0' in metrics


async def test_losses_of_requests_that_are_not_taken_are_told_again() -> None:
    """So they are not counted twice."""
    async with http_door("http_listen") as door:
        door.store.trouble = Unavailable("the disk is full")
        for _ in range(2):
            await door.post(
                "/v1/traces", with_attributes("v"), {**PROTOBUF, "Spanloom-Spans-Lost": "shop=25"}
            )
        assert "spans_lost_before_agents_total{" not in await door.metrics()
