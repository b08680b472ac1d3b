"""Two threads at the worst moments, with the GIL and as if there were none."""

import sys
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from spanloom_instrumentation import TracerProvider
from spanloom_instrumentation.queue import SpanQueue
from spanloom_instrumentation.span import Span
from tests.instrumentation.doubles import AgentDouble, Traced, attributes, run_program, threads_in, traced


class Sent:
    """Where the queue leads; notes what comes, and what is given up on."""

    def __init__(self, *, slow_s: float = 0) -> None:
        self.names: list[str] = []
        self.dropped = 0
        self.let_go = threading.Event()
        self.let_go.set()
        self._slow_s = slow_s

    def send(self, spans: Sequence[Span]) -> None:
        """Take them, sooner or later."""
        self.let_go.wait(10)
        time.sleep(self._slow_s)
        self.names += [span.name for span in spans]

    def note_dropped(self, span_count: int) -> None:
        """Count them."""
        self.dropped += span_count

    def close(self) -> None:
        """There is nothing to close."""


def provider_to(sent: Sent) -> TracerProvider:
    """A provider whose spans go there."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SpanQueue(sent))
    return provider


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("restless")
def test_attributes_that_come_while_a_span_is_sent_do_no_harm(here: Traced) -> None:
    """One thread ends a span while another describes it: what came in time arrives, and so does the span."""
    tracer = here.provider.get_tracer("shop")
    for _ in range(100):
        span = tracer.start_span("made", attributes={f"early {number}": number for number in range(50)})
        describing = threading.Thread(
            target=span.set_attributes, args=({f"late {number}": [number] for number in range(60)},)
        )
        describing.start()
        while describing.is_alive() and len(span.attributes) < 52:  # type: ignore[attr-defined]  # ours has them
            pass
        span.end()
        here.provider.force_flush()
        describing.join()
    sent = here.spans()
    assert len(sent) == 100
    assert {len(one.attributes) for one in sent} <= {50, 110}, "all of them, or none"


def test_attributes_of_every_type_respect_the_limit_together() -> None:
    """What is there may be said anew, what is new has room or is counted."""
    here = traced()
    span = here.provider.get_tracer("shop").start_span("made")
    span.set_attributes({f"{number}": number for number in range(126)})
    span.set_attributes({"0": [0], "new": [1], "newer": (2,), "newest": [3], "1": {"a": 1}, "": "no key"})
    span.end()
    sent = here.span()
    told = attributes(sent)
    assert (told["0"], told["1"], told["new"], told["newer"]) == ((0,), {"a": 1}, (1,), (2,))
    assert (len(told), sent.dropped_attributes_count) == (128, 2)


@pytest.mark.usefixtures("restless")
def test_shutdown_while_the_first_span_ends_is_no_trouble() -> None:
    """A program that ends at that very moment raises nothing, and knows what became of the span."""
    for _ in range(1000):
        sent = Sent()
        provider = provider_to(sent)
        begun = threading.Barrier(2)
        tracer = provider.get_tracer("shop")

        def work(begun: threading.Barrier = begun, tracer: object = tracer) -> None:
            begun.wait()
            tracer.start_span("made").end()  # type: ignore[attr-defined]  # bound early: the loop goes on

        thread = threading.Thread(target=work)
        thread.start()
        begun.wait()
        provider.shutdown()
        thread.join()
        assert len(sent.names) + sent.dropped == 1


def test_flush_is_over_though_others_go_on() -> None:
    """Under a load that never ends, who flushes waits for what had ended before, not for what comes."""
    provider = provider_to(Sent(slow_s=0.01))
    tracer = provider.get_tracer("shop")
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.001):
            tracer.start_span("made").end()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        tracer.start_span("made").end()
        assert [provider.force_flush(5000) for _ in range(5)] == [True] * 5
    finally:
        over.set()
        thread.join()
        provider.shutdown()


def test_spans_that_shutdown_gave_up_on_are_not_sent_later() -> None:
    """Each span is sent or counted as dropped: also when a stuck network comes back after the end."""
    before = threads_in(SpanQueue._run)
    sent = Sent()
    sent.let_go.clear()
    provider = provider_to(sent)
    tracer = provider.get_tracer("shop")
    tracer.start_span("first").end()
    time.sleep(0.5)  # the thread has taken it and is stuck
    for number in range(10):
        tracer.start_span(f"{number}").end()
    provider.shutdown()
    sent.let_go.set()
    while threads_in(SpanQueue._run) > before:
        time.sleep(0.01)
    assert provider.force_flush(10**20), "for ever, if need be"
    assert (sent.names, sent.dropped) == (["first"], 10)


WITHOUT_GIL = """
import sys, threading
sys._is_gil_enabled = lambda: False  # as a build without it says
import spanloom_instrumentation
from opentelemetry import trace
from spanloom_instrumentation.queue import SpanQueue
from tests.instrumentation.doubles import threads_in

class Sent(list):
    def send(self, spans): self.extend(spans)
    def note_dropped(self, span_count): pass
    def close(self): pass

def interleaved(one, other, steps):
    # Run `one`; before its n-th instruction, `other` runs in another thread, to its end if it can.
    rival = threading.Thread(target=other)
    def trace_calls(frame, event, argument):
        nonlocal steps
        if "spanloom_instrumentation" not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            steps -= 1
            if steps == 0:
                rival.start()
                rival.join(0.01)
        return trace_calls
    sys._getframe().f_trace_opcodes = True  # CPython 3.12 looks for one when tracing begins
    sys.settrace(trace_calls)
    one()
    sys.settrace(None)
    if steps > 0:
        return False
    rival.join()
    return True

def span_of():
    sent = Sent()
    provider = spanloom_instrumentation.TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SpanQueue(sent))
    return provider, sent, provider.get_tracer("test").start_span("made")

def ended_once(steps):
    provider, sent, span = span_of()
    went = interleaved(span.end, span.end, steps)
    provider.shutdown()
    return went, len(sent) == 1

def both_events(steps):
    provider, sent, span = span_of()
    went = interleaved(lambda: span.add_event("one"), lambda: span.add_event("other"), steps)
    return went, not went or sorted(event.name for event in span.events) == ["one", "other"]

def nothing_after_the_end(steps):
    provider, sent, span = span_of()
    seen = []
    def end():
        span.end()
        seen.append(dict(span.attributes))
    went = interleaved(lambda: span.set_attribute("late", 1), end, steps)
    provider.shutdown()
    return went, not went or seen == [dict(span.attributes)]

def one_thread(steps):
    provider, sent, span = span_of()
    other = provider.get_tracer("test").start_span("other")
    went = interleaved(span.end, other.end, steps)
    provider.force_flush()  # threads of the system begin when they like
    threads = threads_in(SpanQueue._run)
    provider.shutdown()
    return went, threads == 1

check = globals()[sys.argv[1]]
steps, went = 0, True
while went:
    steps += 1
    went, right = check(steps)
    assert right, f"before instruction {steps}"
print(steps)
"""


@pytest.mark.parametrize("check", ["ended_once", "both_events", "nothing_after_the_end", "one_thread"])
def test_threads_may_meet_anywhere_without_the_gil(check: str, agent: AgentDouble) -> None:
    """On a CPython without GIL no span is sent twice, nothing said is lost, one thread sends.

    The other thread comes between any two instructions, which with the GIL it cannot.
    """
    run = run_program(WITHOUT_GIL, agent, arguments=[check])
    assert int(run.stdout) > 10
    assert run.stderr.count("\n") <= 1, "a warning that it had ended"
