"""A service that samples as the agent says, whatever the agent says, and whether it does or not."""

import json
import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.context import Context

from spanloom_instrumentation import environment, notices, sampling
from spanloom_instrumentation.sampling.jaeger_remote.answer import sampler_of
from spanloom_instrumentation.sampling.jaeger_remote.operations import MOST_OPERATIONS
from spanloom_instrumentation.sampling.jaeger_remote.question import Question
from spanloom_instrumentation.sampling.jaeger_remote.sampler import Remote
from tests.instrumentation.doubles import (
    AgentDouble,
    Traced,
    attributes,
    names,
    run_program,
    threads_in,
    traced,
)
from tests.instrumentation.sampling.strategies import (
    Strategies,
    answered,
    answering,
    operations,
    probabilistic,
    rate_limiting,
    until,
)


@pytest.fixture
def strategies() -> Iterator[Strategies]:
    """Where an agent would tell."""
    with answering() as found:
        yield found


@contextmanager
def asking(endpoint: str, **more: Any) -> Iterator[Traced]:
    """A service that asks there, a hundred times a second."""
    here = traced(
        sampler=sampling.remote("shop & co", endpoint=endpoint, **{"polling_interval_s": 0.01, **more})
    )
    try:
        yield here
    finally:
        here.provider.shutdown()


def root(here: Traced, name: str = "made") -> tuple[bool, str]:
    """Whether a trace that begins now is kept, and what it says."""
    span = here.provider.get_tracer("lib").start_span(name, context=Context())
    span.end()
    context = span.get_span_context()
    return context.trace_flags.sampled, context.trace_state.to_header()


def settled(here: Traced, strategies: Strategies) -> None:
    """Return once the service goes by what is said now."""
    root(here)
    strategies.wait_for(len(strategies.asked) + 2)


def test_a_service_does_as_it_is_told(strategies: Strategies) -> None:
    """It asks with its name, begins with the initial probability, and changes when the answer does."""
    with asking(strategies.endpoint, initial_probability=1) as here:
        assert root(here) == (True, "ot=th:0"), "before any answer"
        for rate, expected in ((0, {""}), (1, {"ot=th:0"}), (0.5, {"ot=th:8", ""})):
            strategies.say(probabilistic(rate))
            settled(here, strategies)
            assert {root(here)[1] for _ in range(60)} == expected
    assert set(strategies.asked) == {"GET /sampling?service=shop%20%26%20co HTTP/1.0"}


def test_kept_spans_say_why(strategies: Strategies) -> None:
    """A collector of Jaeger's that adapts its answers sees that they are followed; roots say it, for all."""
    strategies.say(probabilistic(1))
    with asking(strategies.endpoint, initial_probability=0) as here:
        settled(here, strategies)
        tracer = here.provider.get_tracer("lib")
        with tracer.start_as_current_span("outer"), tracer.start_as_current_span("inner"):
            pass
        told = {span.name: attributes(span) for span in here.spans()}
    assert told["outer"] == {"sampler.type": "probabilistic", "sampler.param": 1.0}
    assert told["inner"] == {}


def test_operations_have_probabilities_of_their_own(strategies: Strategies) -> None:
    """Health checks are not kept, some payments are, and the rest as is said for the rest of them."""
    strategies.say(operations(1, health=0, pay=0.25))
    with asking(strategies.endpoint, initial_probability=0) as here:
        settled(here, strategies)
        found = {name: {root(here, name)[1] for _ in range(100)} for name in ("health", "pay", "other")}
    assert found == {"health": {""}, "pay": {"ot=th:c", ""}, "other": {"ot=th:0"}}


def test_rare_operations_are_kept_at_least_now_and_then(strategies: Strategies) -> None:
    """Some are there of each, named in the answer or not, and all say what they stand for."""
    strategies.say(operations(0.0001, 1, pay=0.0001, often=1))
    with asking(strategies.endpoint, initial_probability=0) as here:
        settled(here, strategies)
        for name in ("pay", "other", "often"):
            assert root(here, name) == (True, "ot=th:0")
        assert 1 <= sum(root(here, "pay")[0] for _ in range(300)) < 60
        told = {span.name: attributes(span) for span in here.spans()}
    assert told["pay"] == told["other"] == {"sampler.type": "lowerbound", "sampler.param": 0.0001}
    assert told["often"] == {"sampler.type": "probabilistic", "sampler.param": 1.0}


def test_names_without_end_are_no_trouble(strategies: Strategies) -> None:
    """Whoever puts ids into names gets the default for them, once there are too many to tell apart."""
    strategies.say(operations(0, 1))
    with asking(strategies.endpoint, initial_probability=0, polling_interval_s=1000) as here:
        root(here)
        until(lambda: root(here, "first")[0])
        kept = [root(here, f"order {number}")[0] for number in range(MOST_OPERATIONS + 100)]
    assert all(kept[: MOST_OPERATIONS - 2])
    assert not any(kept[MOST_OPERATIONS:])


def test_a_rate_is_kept_to(strategies: Strategies) -> None:
    """So many traces a second, each with its true probability; none where none are wanted."""
    strategies.say(rate_limiting(5))
    with asking(strategies.endpoint, initial_probability=0) as here:
        settled(here, strategies)
        found = Counter(root(here) for _ in range(2000))
        assert 10 <= found.total() - found[False, ""] <= 120
        assert len(found) > 5, "the probability follows the traffic"
        assert attributes(here.spans()[0]) == {"sampler.type": "ratelimiting", "sampler.param": 5.0}
        strategies.say(rate_limiting(0))
        settled(here, strategies)
        assert root(here) == (False, "")


def test_answers_that_stay_the_same_forget_nothing(strategies: Strategies) -> None:
    """A limit of traces a second is not a limit of traces a question."""
    strategies.say(rate_limiting(1))
    with asking(strategies.endpoint, initial_probability=0) as here:
        settled(here, strategies)
        for _ in range(10):
            kept = sum(root(here)[0] for _ in range(200))
            strategies.wait_for(len(strategies.asked) + 2)
        assert kept < 10


NONSENSE = [
    b"",
    b"no",
    b"[]",
    b"null",
    b"{}",
    b"\xff",
    b"[" * 100_000,
    b'{"probabilisticSampling":',
    b'{"probabilisticSampling":1}',
    b'{"probabilisticSampling":{"samplingRate":2}}',
    b'{"probabilisticSampling":{"samplingRate":-0.1}}',
    b'{"probabilisticSampling":{"samplingRate":NaN}}',
    b'{"probabilisticSampling":{"samplingRate":1e-30}}',
    b'{"probabilisticSampling":{"samplingRate":"1"}}',
    b'{"probabilisticSampling":{"samplingRate":true}}',
    b'{"rateLimitingSampling":{"maxTracesPerSecond":1' + b"0" * 5000 + b"}}",
    b'{"rateLimitingSampling":{"maxTracesPerSecond":1' + b"0" * 400 + b"}}",
    b'{"operationSampling":[],"probabilisticSampling":{"samplingRate":0}}',
    b'{"operationSampling":{"perOperationStrategies":{}}}',
    b'{"operationSampling":{"perOperationStrategies":[1]}}',
    b'{"operationSampling":{"perOperationStrategies":[{"probabilisticSampling":{"samplingRate":7}}]}}',
]


@pytest.mark.parametrize("body", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_changes_nothing(strategies: Strategies, body: bytes) -> None:
    """What was last understood stands, and one line in the log says why."""
    strategies.say(probabilistic(1))
    with asking(strategies.endpoint, initial_probability=0) as here:
        settled(here, strategies)
        strategies.say_bytes(answered(body))
        settled(here, strategies)
        assert root(here) == (True, "ot=th:0")
        strategies.say(probabilistic(0))
        settled(here, strategies)
        assert root(here) == (False, "")


@pytest.mark.parametrize(
    "rude",
    [
        lambda connection: connection.sendall(answered(b'{"probabilisticSampling":{}}', "503 Busy")),
        lambda connection: connection.sendall(answered(b'{"probabilisticSampling":{}}', "404 200")),
        lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n"),
        lambda connection: connection.sendall(answered(b" " * 2_000_000 + b'{"probabilisticSampling":{}}')),
        lambda connection: connection.close(),
    ],
    ids=["503", "404", "another protocol", "endless", "hangs up"],
)
def test_rude_answers_change_nothing(strategies: Strategies, rude: Any) -> None:
    """Errors, other protocols on the port, more bytes than anybody needs: the last answer stands."""
    strategies.say(probabilistic(1))
    with asking(strategies.endpoint, initial_probability=0) as here:
        settled(here, strategies)
        strategies.answer = rude
        settled(here, strategies)
        assert root(here) == (True, "ot=th:0")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "probabilisticSampling",
                        "samplingRate",
                        "rateLimitingSampling",
                        "maxTracesPerSecond",
                        "operationSampling",
                        "defaultSamplingProbability",
                        "defaultLowerBoundTracesPerSecond",
                        "perOperationStrategies",
                        "operation",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
    )
)
@settings(max_examples=500, deadline=None)
def test_any_answer_is_a_sampler_or_none(answer: object) -> None:
    """No JSON, however odd, ends the thread that asks: what is no strategy is a ValueError."""
    try:
        sampler = sampler_of(json.dumps(answer).encode())
    except ValueError:
        return
    root(traced(sampler=sampler))


def test_an_agent_that_goes_and_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    """While it is away, sampling stays as it was; when it is back, so is what it says. It is logged once."""
    notices._said.clear()  # other tests have said the same
    with answering() as first, asking(first.endpoint, initial_probability=0) as here:
        first.say(probabilistic(1))
        settled(here, first)
        port = int(first.endpoint.rpartition(":")[2])
        first.answer = lambda _: None
        first.wait_for(len(first.asked) + 20)
        assert root(here) == (True, "ot=th:0")
    logged = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(logged) == 1
    with asking(f"http://127.0.0.1:{port}", initial_probability=0) as here:
        assert root(here) == (False, "")
        time.sleep(0.1)
        with answering(port=port) as again:
            again.say(probabilistic(1))
            settled(here, again)
            assert root(here) == (True, "ot=th:0")


# The application


def polling() -> int:
    """How many threads ask, just now."""
    return threads_in(Remote._poll)


def hold(connection: socket.socket) -> None:
    """Answer nothing, as long as the other waits."""
    connection.recv(1)


def drip(connection: socket.socket) -> None:
    """Answer for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b" ")
        time.sleep(0.01)


@pytest.mark.parametrize("rude", [hold, drip])
def test_the_application_waits_for_nobody(
    strategies: Strategies, rude: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """An agent that hangs, or that never comes to an end, delays no request, and not the program's end."""
    strategies.answer = rude
    with asking(strategies.endpoint, initial_probability=1) as here:
        assert all(root(here)[0] for _ in range(100))
        strategies.wait_for(1)
    assert not polling(), "though an answer is waited for much longer"
    assert caplog.records == []


def test_an_answer_without_end_is_given_up(strategies: Strategies) -> None:
    """A byte now and then does not keep a service from asking again."""
    strategies.answer = drip
    question = Question(strategies.endpoint, "shop", timeout_s=0.1)
    here = traced(sampler=Remote(question, initial=sampling.ALWAYS_OFF, polling_interval_s=0.01))
    root(here)
    strategies.wait_for(2)
    strategies.say(probabilistic(1))
    until(lambda: root(here)[0])
    here.provider.shutdown()


def test_no_thread_before_the_first_trace_and_none_after_the_end(strategies: Strategies) -> None:
    """A server that forks its workers has no thread to lose, and a program that ends has none left."""
    strategies.say(probabilistic(1))
    before = polling()
    with asking(strategies.endpoint, initial_probability=1, polling_interval_s=1000) as here:
        assert polling() == before
        root(here)
        strategies.wait_for(1)
        assert polling() == 1
    assert polling() == before
    root(here)
    assert polling() == before


def test_forked_workers_ask_themselves(agent: AgentDouble, strategies: Strategies) -> None:
    """Each worker goes by what it was told last, and hears what is new."""
    strategies.say(probabilistic(1))
    program = f"""
import os, time, spanloom_instrumentation
from opentelemetry import trace
from spanloom_instrumentation import sampling
settings = dict(endpoint="{strategies.endpoint}", polling_interval_s=0.02, initial_probability=0)
sampler = sampling.remote("shop", **settings)
provider = spanloom_instrumentation.configure(service="shop", sampler=sampler)
tracer = trace.get_tracer("shop")
while not (span := tracer.start_span("parent")).is_recording():
    time.sleep(0.01)
for number in range(3):
    if os.fork() == 0:
        assert tracer.start_span("child").is_recording()
        time.sleep(0.3)
        provider.shutdown()
        os._exit(0)
    assert os.wait()[1] == 0
    print(number)
"""
    assert run_program(program, agent).stdout.split() == ["0", "1", "2"]
    assert len(strategies.asked) > 15


def test_a_worker_that_ends_does_not_disturb_its_parent(agent: AgentDouble, strategies: Strategies) -> None:
    """A child that was forked while its parent waits for an answer leaves the parent's connection alone."""
    ended = threading.Event()

    def answer_late(connection: socket.socket) -> None:
        ended.wait(10)
        connection.sendall(answered(json.dumps(probabilistic(1)).encode()))

    strategies.answer = answer_late
    program = f"""
import os, time, spanloom_instrumentation
from opentelemetry import trace
from spanloom_instrumentation import sampling
settings = dict(endpoint="{strategies.endpoint}", polling_interval_s=1000, initial_probability=0)
sampler = sampling.remote("shop", **settings)
provider = spanloom_instrumentation.configure(service="shop", sampler=sampler)
tracer = trace.get_tracer("shop")
tracer.start_span("parent")
time.sleep(0.3)
if os.fork() == 0:
    provider.shutdown()
    os._exit(0)
os.wait()
print("ended", flush=True)
while not tracer.start_span("parent").is_recording():
    time.sleep(0.01)
"""
    timer = threading.Timer(2, ended.set)
    timer.start()
    assert run_program(program, agent).stdout == "ended\n"
    timer.join()
    assert len(strategies.asked) == 1


def test_a_program_of_one_line(agent: AgentDouble, strategies: Strategies) -> None:
    """By the environment alone, with the service that `configure` was told, and few imports."""
    strategies.say(probabilistic(1))
    program = """
import sys, time, spanloom_instrumentation
from opentelemetry import trace
provider = spanloom_instrumentation.configure(service="checkout")
while not (span := trace.get_tracer("shop").start_span("made")).is_recording():
    time.sleep(0.01)
span.end()
print([name for name in sys.modules if name.startswith(("http.client", "ssl", "email", "asyncio"))])
"""
    said = f"endpoint={strategies.endpoint}, pollingIntervalMs=10000 ,initialSamplingRate=0"
    variables = {"OTEL_TRACES_SAMPLER": "parentbased_jaeger_remote", "OTEL_TRACES_SAMPLER_ARG": said}
    assert run_program(program, agent, **variables).stdout == "[]\n"
    assert names(agent.received()) == ["made"]
    assert strategies.asked == ["GET /sampling?service=checkout HTTP/1.0"]


def test_another_path_is_asked_as_it_is_said(strategies: Strategies) -> None:
    """A collector of Jaeger's answers at /api/sampling, where no agent is near."""
    strategies.say(probabilistic(1))
    with asking(strategies.endpoint + "/api/sampling", initial_probability=0) as here:
        settled(here, strategies)
        assert root(here)[0]
    assert strategies.asked[0] == "GET /api/sampling?service=shop%20%26%20co HTTP/1.0"


def test_the_port_of_grpc_is_not_asked(caplog: pytest.LogCaptureFixture) -> None:
    """OpenTelemetry's example names it: HTTP's on the same host is asked instead, and the log says so."""
    notices._said.clear()  # other tests have said the same
    variables = {
        "OTEL_TRACES_SAMPLER": "jaeger_remote",
        "OTEL_TRACES_SAMPLER_ARG": "endpoint=http://localhost:14250,pollingIntervalMs=5000,initialSamplingRate=0.25",
    }
    sampler = environment.sampler(variables, service="shop")
    assert str(sampler) == "Remote{http://localhost:5778,Probability{0.25}}"
    assert "14250" in caplog.text


@pytest.mark.parametrize(
    "more",
    [
        {"endpoint": "localhost:5778"},
        {"endpoint": "http://"},
        {"endpoint": "http://localhost:port"},
        {"endpoint": "grpc://localhost:5778"},
        {"endpoint": "https://localhost:5778"},
        {"polling_interval_s": 0},
        {"polling_interval_s": float("nan")},
        {"initial_probability": 2},
    ],
)
def test_settings_that_make_no_sense_are_refused(more: Any) -> None:
    """When they are made, not later."""
    with pytest.raises(ValueError, match=r".+"):
        sampling.remote("shop", **more)
