"""What a service notices of being traced, and what the agent gets."""

import os
import threading
import time
from collections.abc import Sequence

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

from spanloom_instrumentation import TracerProvider
from spanloom_instrumentation.datagrams import UdpSender
from spanloom_instrumentation.queue import SpanQueue
from spanloom_instrumentation.resource import Resource
from spanloom_instrumentation.span import Span
from tests.instrumentation.doubles import AgentDouble, names, run_program


def provider_to(address: str, sampler: Sampler | None = None) -> TracerProvider:
    """What `configure` makes, without making it the process's own."""
    resource = Resource({"service.name": "shop"})
    provider = TracerProvider(resource=resource, sampler=sampler, shutdown_on_exit=False)
    provider.add_span_processor(SpanQueue(UdpSender(address)))
    return provider


PROGRAM = """
import spanloom_instrumentation
from opentelemetry import trace
spanloom_instrumentation.configure(service="checkout", resource_attributes={"team": "payments"})
with trace.get_tracer("shop").start_as_current_span("pay"):
    pass
"""


def test_one_line_traces_a_program_to_its_end(agent: AgentDouble) -> None:
    """The last span of a program that ends at once arrives, with all that is known of the process."""
    run_program(PROGRAM, agent)
    (sent,) = agent.received()
    assert (sent.service, sent.sequence, sent.span_count, sent.dropped_count) == ("checkout", 0, 1, 0)
    assert names([sent]) == ["pay"]
    resource = ExportTraceServiceRequest.FromString(sent.payload).resource_spans[0].resource
    told = {pair.key: pair.value.string_value or pair.value.int_value for pair in resource.attributes}
    assert told["service.name"] == "checkout"
    assert told["team"] == "payments"
    assert told["host.name"] == os.uname().nodename
    assert told["process.pid"]
    assert told["telemetry.sdk.language"] == "python"


def test_environment_adds_resource_attributes(agent: AgentDouble) -> None:
    """What operations say in OTEL_RESOURCE_ATTRIBUTES is on every span; the call's service wins."""
    run_program(PROGRAM, agent, OTEL_RESOURCE_ATTRIBUTES="service.name=other,region=north")
    (sent,) = agent.received()
    assert sent.service == "checkout"
    assert b"north" in sent.payload


@pytest.mark.parametrize("where", ["127.0.0.1:1", "no-such-host.invalid:6835", "nonsense"])
def test_application_never_fails_for_the_network(agent: AgentDouble, where: str) -> None:
    """No agent, a wrong name or a typo: the program runs and ends as if it were not traced."""
    run = run_program(PROGRAM + "print('done')", agent, SPANLOOM_AGENT=where)
    assert run.stdout == "done\n"
    assert "Traceback" not in run.stderr


def test_spans_arrive_by_themselves(agent: AgentDouble) -> None:
    """Whoever develops sees the trace while the program runs, not at its end."""
    provider = provider_to(agent.address)
    provider.get_tracer("shop").start_span("now").end()
    assert names([agent.next()]) == ["now"]
    provider.shutdown()


def test_sequence_counts_spans_over_datagrams(agent: AgentDouble) -> None:
    """The agent can tell exactly how many spans were lost on the way."""
    provider = provider_to(agent.address)
    for n in range(3000):
        provider.get_tracer("shop").start_span(f"{n}", attributes={"text": "x" * 100}).end()
    provider.shutdown()
    datagrams = agent.received()
    assert names(datagrams) == [f"{n}" for n in range(3000)]
    assert len({one.sender for one in datagrams}) == 1
    expected = 0
    for one in datagrams:
        assert one.sequence == expected
        expected += one.span_count


def test_full_queue_drops_the_newest_and_tells_the_agent() -> None:
    """A burst beyond all measure costs spans and memory within bounds, and is no secret."""

    class StuckSender:
        def __init__(self) -> None:
            self.let_go = threading.Event()
            self.dropped = 0
            self.sent: list[str] = []

        def send(self, spans: Sequence[Span]) -> None:
            self.let_go.wait(10)
            self.sent += [span.name for span in spans]

        def note_dropped(self, span_count: int) -> None:
            self.dropped += span_count

        def close(self) -> None:
            pass

    sender = StuckSender()
    queue = SpanQueue(sender, max_queued_spans=10)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(queue)
    tracer = provider.get_tracer("shop")
    tracer.start_span("first").end()
    time.sleep(0.5)  # the thread has taken it and is stuck
    for n in range(15):
        tracer.start_span(f"{n}").end()
    assert sender.dropped == 5
    sender.let_go.set()
    provider.shutdown()
    assert sender.sent == ["first", *(f"{n}" for n in range(10))]


def test_flush_leaves_a_queue_that_closes_alone() -> None:
    """A signal's handler that flushes while the program ends: nothing is sent twice, nobody is stuck."""

    class SlowSender:
        def __init__(self) -> None:
            self.let_go = threading.Event()
            self.at_work = 0
            self.most_at_work = 0
            self.sent: list[str] = []

        def send(self, spans: Sequence[Span]) -> None:
            self.at_work += 1
            self.most_at_work = max(self.most_at_work, self.at_work)
            self.let_go.wait(10)
            self.sent += [span.name for span in spans]
            self.at_work -= 1

        def note_dropped(self, span_count: int) -> None:
            pass

        def close(self) -> None:
            pass

    sender = SlowSender()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SpanQueue(sender, batch_spans=1))
    for n in range(5):
        provider.get_tracer("shop").start_span(f"{n}").end()
    ending = threading.Thread(target=provider.shutdown)
    ending.start()
    ending.join(0.2)
    assert not provider.force_flush(200)
    sender.let_go.set()
    assert provider.force_flush(5000)
    assert provider.force_flush(5000), "and again"
    ending.join()
    assert (sender.sent, sender.most_at_work) == ([f"{n}" for n in range(5)], 1)


def test_dropped_spans_are_told_with_the_next_datagram(agent: AgentDouble) -> None:
    """The agent's metrics show what applications gave up on."""
    sender = UdpSender(agent.address)
    sender.note_dropped(3)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SpanQueue(sender))
    provider.get_tracer("shop").start_span("next").end()
    provider.shutdown()
    assert [one.dropped_count for one in agent.received()] == [3]
    assert sender.dropped_count == 3


def test_unsampled_spans_are_not_sent(agent: AgentDouble) -> None:
    """Sampling saves the datagrams too, also for spans that are recorded for somebody else."""

    class RecordOnly(Sampler):
        def should_sample(self, *_: object, **__: object) -> SamplingResult:
            return SamplingResult(Decision.RECORD_ONLY)

        def get_description(self) -> str:
            return "records, samples nothing"

    provider = provider_to(agent.address, RecordOnly())
    provider.get_tracer("shop").start_span("no").end()
    provider.shutdown()
    assert agent.received() == []


def test_process_without_threads_left_is_not_disturbed(agent: AgentDouble) -> None:
    """When the system gives no more threads, spans wait for a better moment and nothing is raised."""
    provider = provider_to(agent.address)
    usual = threading.stack_size(1 << 46)  # more than there is memory to address
    provider.get_tracer("shop").start_span("during").end()
    threading.stack_size(usual)
    provider.get_tracer("shop").start_span("after").end()
    provider.shutdown()
    assert names(agent.received()) == ["during", "after"]


def test_localhost_is_where_the_agent_listens(agent: AgentDouble) -> None:
    """The name means 127.0.0.1 on both sides, whatever the system would answer first."""
    provider = provider_to(agent.address.replace("127.0.0.1", "localhost"))
    provider.get_tracer("shop").start_span("found").end()
    provider.shutdown()
    assert names(agent.received()) == ["found"]


def test_forked_workers_send_as_themselves(agent: AgentDouble) -> None:
    """Under a server that forks, no span is lost, none is sent twice, and each worker counts alone."""
    run_program(
        """
import os, spanloom_instrumentation
from opentelemetry import trace
provider = spanloom_instrumentation.configure(service="checkout")
tracer = trace.get_tracer("shop")
tracer.start_span("parent").end()
if os.fork() == 0:
    tracer.start_span("child").end()
    provider.shutdown()
    os._exit(0)
os.wait()
""",
        agent,
    )
    datagrams = agent.received()
    assert sorted(names(datagrams)) == ["child", "parent"]
    assert len({one.sender for one in datagrams}) == 2
    assert [one.sequence for one in datagrams] == [0, 0]


def test_no_thread_is_left_after_shutdown(agent: AgentDouble) -> None:
    """A program that ends tracing has nothing of it running."""
    program = """
import os, spanloom_instrumentation
from opentelemetry import trace
provider = spanloom_instrumentation.configure()
def threads(): return len(os.listdir("/proc/self/task"))
print(threads())
trace.get_tracer("shop").start_span("one").end()
print(threads())
provider.shutdown()
while threads() > 1: pass
"""
    assert run_program(program, agent).stdout.split() == ["1", "2"]
