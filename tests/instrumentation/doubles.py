"""What the tests of the instrumentation send spans to, and how they read what came."""

import contextlib
import os
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from traceback import walk_stack
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from spanloom_instrumentation import TracerProvider
from spanloom_instrumentation.datagrams import UdpSender
from spanloom_instrumentation.queue import SEND_INTERVAL_S, SpanQueue
from spanloom_instrumentation.resource import Resource
from spanloom_model import address, datagram
from spanloom_model.datagram import Datagram


class AgentDouble:
    """A socket where an agent would listen, read all the time: what it cannot hold would be lost."""

    def __init__(self, udp: socket.socket) -> None:
        self.address = address.of(udp)
        self._udp = udp
        self._come: queue.SimpleQueue[Datagram] = queue.SimpleQueue()
        self.ends: list[Datagram] = []
        """What senders said that ended: datagrams without spans."""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while data := self._udp.recv(65_536):
            decoded = datagram.decode(data)
            assert isinstance(decoded, Datagram)
            if decoded.span_count:
                self._come.put(decoded)
            else:
                self.ends.append(decoded)

    def close(self) -> None:
        """Read no more."""
        self._udp.sendto(b"", self._udp.getsockname())
        self._reader.join()

    def next(self, *, within_s: float = 10) -> Datagram:
        """The next datagram with spans; raises `queue.Empty` when none comes."""
        return self._come.get(timeout=within_s)

    def received(self, *, quiet_s: float = 0.3) -> list[Datagram]:
        """All datagrams with spans, until none comes for a while."""
        found: list[Datagram] = []
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self.next(within_s=quiet_s))
        return found


def spans(datagrams: Sequence[Datagram]) -> Iterator[OtlpSpan]:
    """All spans, in the order they came."""
    for one in datagrams:
        for resource_spans in ExportTraceServiceRequest.FromString(one.payload).resource_spans:
            for scope_spans in resource_spans.scope_spans:
                yield from scope_spans.spans


def names(datagrams: Sequence[Datagram]) -> list[str]:
    """The names of all spans, in the order they came."""
    return [span.name for span in spans(datagrams)]


@dataclass
class Traced:
    """A provider whose datagrams stay here."""

    provider: TracerProvider
    datagrams: list[Datagram] = field(default_factory=list)

    def take(self, data: bytes) -> None:
        """What `UdpSender` sends with."""
        decoded = datagram.decode(data)
        assert isinstance(decoded, Datagram)
        self.datagrams.append(decoded)

    def requests(self) -> list[ExportTraceServiceRequest]:
        """All messages sent so far."""
        assert self.provider.force_flush()
        return [ExportTraceServiceRequest.FromString(one.payload) for one in self.datagrams]

    def spans(self) -> list[OtlpSpan]:
        """All spans sent so far."""
        assert self.provider.force_flush()
        return list(spans(self.datagrams))

    def span(self) -> OtlpSpan:
        """The only one."""
        (found,) = self.spans()
        return found


def threads_in(function: Callable[..., object]) -> int:
    """How many threads are at work in it; those of ours are the system's, which `threading` does not know."""
    stacks = [walk_stack(frame) for frame in sys._current_frames().values()]  # documented all the same
    return sum(function.__code__ in {frame.f_code for frame, _ in stack} for stack in stacks)


def traced(*, send_interval_s: float = SEND_INTERVAL_S, **settings: Any) -> Traced:
    """What `configure` makes, without making it the process's own, and without a network."""
    settings.setdefault("resource", Resource({"service.name": "shop"}))
    found = Traced(TracerProvider(shutdown_on_exit=False, **settings))
    found.provider.add_span_processor(
        SpanQueue(UdpSender("", send=found.take), send_interval_s=send_interval_s)
    )
    return found


def attributes(holder: Any) -> dict[str, Any]:
    """The attributes of an OTLP span, event, link, resource or scope, as Python's values."""
    return {pair.key: value_of(pair.value) for pair in holder.attributes}


def value_of(value: Any) -> Any:
    """An AnyValue as what it was made of."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return tuple(value_of(one) for one in value.array_value.values)
    if kind == "kvlist_value":
        return {pair.key: value_of(pair.value) for pair in value.kvlist_value.values}
    return getattr(value, kind)


def run_program(
    text: str, agent: AgentDouble, *, arguments: Sequence[str] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    """A program as a user writes it, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", text, *arguments],
        env={**os.environ, "SPANLOOM_AGENT": agent.address, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
