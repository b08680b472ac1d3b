"""A collector that gets ten times what it takes: refusals, no memory, and no acknowledged span is lost."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc
import httpx
import pytest

from benchmarks import measure
from spanloom_storage.testing.requests import request_of
from spanloom_storage.testing.samples import span
from tests.collector.test_otlp_grpc import EXPORT
from tests.processes import Running, Spanloom

PENDING_BYTES = 4 * 2**20
CLIENTS = 50
ROUNDS = 5
SPANS = 3000
BODY = request_of([span(1, number, name="n" * 200) for number in range(1, SPANS + 1)])
MOST_GROWTH_MB = 400
"""Segments on their way into blocks take most of it, as without overload."""

Send = Callable[[Running], str]


def over_http(running: Running) -> str:
    """Ten times as much at once as may be pending, by all clients together."""
    headers = {"content-type": "application/x-protobuf"}
    answer = httpx.post(f"http://{running.ports.http}/v1/traces", content=BODY, headers=headers, timeout=60)
    if answer.status_code == 429:
        assert answer.headers["retry-after"] == "1"
        return "later"
    assert answer.status_code == 200, answer.text
    return "stored"


def over_grpc(running: Running) -> str:
    """The same over gRPC."""
    with grpc.insecure_channel(running.ports.grpc, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        try:
            channel.unary_unary(f"/{EXPORT}")(BODY, timeout=60)  # type: ignore[arg-type]  # bytes pass as they are
        except grpc.RpcError as exc:
            assert exc.code() is grpc.StatusCode.RESOURCE_EXHAUSTED, exc  # noqa: PT017  # both ways are fine
            return "later"
    return "stored"


@pytest.mark.parametrize("send", [over_http, over_grpc])
def test_overload_costs_refusals_and_no_memory(spanloom: Spanloom, send: Send) -> None:
    """Senders are asked to come back; whoever was told that all is well may rely on it."""
    running = spanloom.start("collector", "--collector-max-pending-bytes", str(PENDING_BYTES))
    assert len(BODY) * CLIENTS > 10 * PENDING_BYTES
    assert send(running) == "stored"
    before_mb = measure.peak_mb(running.process.pid)
    with ThreadPoolExecutor(CLIENTS) as pool:
        outcomes = Counter(pool.map(lambda _: send(running), range(CLIENTS * ROUNDS)))
    assert measure.peak_mb(running.process.pid) - before_mb < MOST_GROWTH_MB
    assert outcomes["stored"]
    assert outcomes["later"]
    metrics = httpx.get(f"http://{running.ports.http}/metrics").text
    (stored,) = [
        line for line in metrics.splitlines() if line.startswith("spanloom_collector_spans_stored_total{")
    ]
    assert float(stored.split()[-1]) == (outcomes["stored"] + 1) * SPANS
