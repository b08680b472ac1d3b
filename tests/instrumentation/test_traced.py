"""`@traced`: whatever kind of function it is, its calls are spans and nothing else about it changes."""

import asyncio
import contextlib
import contextvars
import functools
import gc
import inspect
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from opentelemetry import baggage, trace
from opentelemetry.context import attach
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

from spanloom_instrumentation import traced
from tests.instrumentation.doubles import AgentDouble, names, run_program, spans
from tests.instrumentation.made import Made


def block(name: str) -> AbstractContextManager[trace.Span]:
    """A span of the provider that this test has; a tracer would remember that of the first."""
    return trace.get_tracer("test").start_as_current_span(name)


def current_name() -> str:
    """The name of the current span; nothing where there is none."""
    return str(getattr(get_current_span(), "name", ""))


class Till:
    """Has a method of each kind."""

    @traced
    def pay(self, amount: int) -> int:
        """Pay."""
        return amount

    @classmethod
    @traced
    def opened(cls) -> str:
        """Open one."""
        return cls.__name__

    @traced
    @classmethod
    def closed(cls) -> str:
        """Close one."""
        return cls.__name__

    @staticmethod
    @traced
    def inner() -> str:
        """Say something."""
        return current_name()

    @traced
    @staticmethod
    def outer() -> str:
        """Say something."""
        return current_name()


# What a span says


def test_methods_of_each_kind_are_traced(made: Made) -> None:
    """Spans are called as the code is, and belong to its module; results are what they were."""
    till = Till()
    assert (till.pay(3), Till.opened(), Till.closed()) == (3, "Till", "Till")
    assert (Till.inner(), Till.outer()) == ("Till.inner", "Till.outer")
    assert [span.name for span in made.all()] == [
        "Till.pay",
        "Till.opened",
        "Till.closed",
        "Till.inner",
        "Till.outer",
    ]
    assert {span.instrumentation_scope and span.instrumentation_scope.name for span in made.all()} == {
        __name__
    }
    assert Till.pay.__doc__ == "Pay."


def test_arguments_become_attributes(made: Made) -> None:
    """By place, by name or by default, under their own name or another; None says nothing."""

    @traced(
        name="pay",
        kind=SpanKind.CLIENT,
        attributes={"team": "shop"},
        arguments={"order": "order.id", "amount": "amount", "note": "note", "most": "most"},
    )
    def pay(order: str, /, amount: int = 7, *others: int, note: str | None = None, most: int = 9) -> None:
        pass

    pay("o-1")
    pay("o-2", 8, 1, 2, note="n", most=1)
    pay("o-3", amount=3)
    assert [dict(span.attributes or {}) for span in made.all()] == [
        {"team": "shop", "order.id": "o-1", "amount": 7, "most": 9},
        {"team": "shop", "order.id": "o-2", "amount": 8, "note": "n", "most": 1},
        {"team": "shop", "order.id": "o-3", "amount": 3, "most": 9},
    ]
    assert {(span.name, span.kind) for span in made.all()} == {("pay", SpanKind.CLIENT)}


def test_mistakes_are_told_at_once() -> None:
    """A misspelt argument or a class is an error when the module is imported, not lost attributes."""
    with pytest.raises(TypeError, match="has no arguments ordre"):
        traced(arguments=["ordre"])(lambda order: order)
    with pytest.raises(TypeError, match="only functions"):
        traced(Till)
    with pytest.raises(TypeError, match="only functions"):
        traced(functools.partial(print))
    with pytest.raises(TypeError, match="only functions"):
        traced("a name")  # type: ignore[call-overload]  # what a person might write


def test_wrong_calls_fail_as_before(made: Made) -> None:
    """A call without its arguments raises what it did, whatever was to become an attribute."""

    @traced(arguments=["order"])
    def pay(order: str) -> None:
        pass

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'order'"):
        pay()  # type: ignore[call-arg]  # the mistake
    assert made.only().status.status_code is StatusCode.ERROR


def test_provider_may_come_later(agent: AgentDouble) -> None:
    """Modules are imported, and their functions called, before the program configures tracing."""
    program = """
import spanloom_instrumentation
@spanloom_instrumentation.traced
def work(): return 1
assert work() == 1
spanloom_instrumentation.configure(service="checkout")
assert work() == 1
"""
    run_program(program, agent)
    assert names(agent.received()) == ["work"]


def raising(error: BaseException) -> dict[str, Callable[[], Any]]:
    """The same failure in each kind of function."""

    @traced(name="it")
    def function() -> None:
        raise error

    @traced(name="it")
    async def coroutine() -> None:
        await asyncio.sleep(0)
        raise error

    @traced(name="it")
    def generator() -> Iterator[int]:
        yield 1
        raise error

    @traced(name="it")
    async def async_generator() -> AsyncIterator[int]:
        yield 1
        raise error

    async def exhaust() -> None:
        async for _ in async_generator():
            pass

    def within() -> None:
        with block("it"):
            raise error

    return {
        "block": within,
        "function": function,
        "coroutine": lambda: asyncio.run(coroutine()),
        "generator": lambda: list(generator()),
        "asynchronous generator": lambda: asyncio.run(exhaust()),
    }


@pytest.mark.parametrize("kind", raising(ValueError()))
@pytest.mark.parametrize("error", [ValueError("no"), asyncio.CancelledError(), SystemExit(1)], ids=repr)
def test_exceptions_are_recorded_by_the_rules_of_the_api(error: BaseException, kind: str, made: Made) -> None:
    """As in a block: an error is an event and a status, once; cancellation and exit are no errors."""
    with pytest.raises(type(error)):
        raising(error)[kind]()
    span = made.only()
    if isinstance(error, Exception):
        (event,) = span.events
        assert event.attributes is not None
        assert (event.name, event.attributes["exception.type"]) == ("exception", "ValueError")
        assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "ValueError: no")
    else:
        assert (list(span.events), span.status.status_code) == ([], StatusCode.UNSET)


# Generators


@traced
def counted(most: int) -> Generator[str, str | None, str]:
    """Yields what is current in it, with a block around each second one; says how it was left."""
    said: str | None = ""
    for number in range(most):
        if number % 2:
            with block("inside"):
                said = yield f"{current_name()} {said}"
                assert current_name() == "inside", "as it was when it was left"
        else:
            said = yield f"{current_name()} {said}"
    return "done"


def test_generators_span_stays_with_it(made: Made) -> None:
    """Between two steps, the consumer's span is current, not the generator's nor one within it."""
    with block("consumer"):
        for said in counted(4):
            assert said.split()[0] in {"counted", "inside"}
            assert current_name() == "consumer"
            with block("consumed"):
                pass
    assert made.parents() == {
        "consumed": "consumer",
        "inside": "counted",
        "counted": "consumer",
        "consumer": None,
    }


def test_generator_is_the_same_generator(made: Made) -> None:
    """What is sent, thrown, returned, delegated and closed arrives."""
    generator = counted(3)
    assert inspect.isgeneratorfunction(counted)
    assert (next(generator), generator.send("a"), generator.send("b")) == (
        "counted ",
        "inside a",
        "counted b",
    )
    with pytest.raises(StopIteration) as stop:
        generator.send("c")
    assert stop.value.value == "done"

    @traced(name="careful")
    def careful() -> Generator[str]:
        try:
            yield "first"
        except KeyError:
            yield "caught"
        finally:
            left.append(current_name())

    def delegating() -> Generator[str, None, str]:
        return (yield from counted(1))

    left: list[str] = []
    catching = careful()
    assert (next(catching), catching.throw(KeyError())) == ("first", "caught")
    catching.close()
    next(careful())
    gc.collect()
    assert left == ["careful", "careful"], "the end of a body is within its span too"
    assert list(delegating()) == ["counted "]
    assert current_name() == ""
    assert [span.name for span in made.all()] == ["inside", "counted", "careful", "careful", "counted"]
    assert {span.status.status_code for span in made.all()} == {StatusCode.UNSET}


def test_generator_that_refuses_to_end_is_told_so(made: Made) -> None:
    """A body that yields when it is closed is as wrong as without a span."""

    @traced
    def stubborn() -> Generator[int]:
        with contextlib.suppress(GeneratorExit):
            yield 1
        yield 2

    generator = stubborn()
    next(generator)
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        generator.close()
    assert list(generator) == []


def test_generator_that_nobody_begins_is_no_span(made: Made) -> None:
    """Work that was not done does not take until the collection of garbage."""
    counted(1)
    assert made.all() == ()


def test_nested_generators_stand_below_each_other(made: Made) -> None:
    """Each step of the outer one runs the inner one below it; in whatever order they are read."""

    @traced(name="outer")
    def outer(inner: Iterator[str]) -> Iterator[str]:
        for said in inner:
            assert current_name() == "outer"
            yield said

    @traced(name="leaf")
    def leaf() -> Iterator[str]:
        for _ in range(2):
            yield current_name()

    one, other = outer(leaf()), outer(leaf())
    assert [next(one), next(other), next(one), next(other)] == ["leaf"] * 4
    assert list(one) == list(other) == []
    assert made.parents() == {"leaf": "outer", "outer": None}
    traces = [span.context.trace_id for span in made.all() if span.context]
    assert len(set(traces)) == 2


def test_other_context_variables_are_left_alone(made: Made) -> None:
    """A generator that sets a variable for its consumer, as context managers do, still does."""
    variable = contextvars.ContextVar("variable", default="unset")

    @contextlib.contextmanager
    @traced
    def session() -> Iterator[None]:
        token = variable.set("set")
        yield
        variable.reset(token)

    with session():
        assert variable.get() == "set"
        assert current_name() == ""
    assert variable.get() == "unset"
    assert made.only().name.endswith("session")


def test_generator_read_by_several_threads_leaks_into_none(made: Made) -> None:
    """A generator that moves between threads is current in each only while it runs there."""
    seen: list[tuple[str, str]] = []

    @traced(name="body")
    def body() -> Iterator[str]:
        for _ in range(6):
            yield current_name()

    def step() -> None:
        seen.append((next(generator), current_name()))

    generator = body()
    for _ in range(6):
        thread = threading.Thread(target=step)
        thread.start()
        thread.join()
    assert seen == [("body", "")] * 6
    assert list(generator) == []
    assert made.parents() == {"body": None}


def test_baggage_of_the_body_is_its_own(made: Made) -> None:
    """What a body puts into its context is there at its next step, and nowhere else."""

    @traced
    def body() -> Iterator[object]:
        attach(baggage.set_baggage("customer", "c-1"))
        yield None
        yield baggage.get_baggage("customer")

    generator = body()
    next(generator)
    assert baggage.get_baggage("customer") is None
    assert next(generator) == "c-1"


# asyncio


async def test_coroutine_lasts_until_it_is_done(made: Made) -> None:
    """The span of a coroutine covers what it waits for, beside others at the same time."""

    @traced(arguments=["number"])
    async def request(number: int) -> None:
        await asyncio.sleep(0.001 * (3 - number))
        with block(f"query {number}"):
            await asyncio.sleep(0)

    assert inspect.iscoroutinefunction(request)
    await asyncio.gather(*(request(number) for number in range(3)))
    by_id = {span.context.span_id: span for span in made.all() if span.context}
    for span in made.all():
        if span.name.startswith("query"):
            assert span.parent is not None
            parent = by_id[span.parent.span_id]
            assert parent.attributes is not None
            assert span.name == f"query {parent.attributes['number']!r}"
            assert (parent.end_time or 0) >= (span.end_time or 0)


async def test_cancelled_coroutine_ends_its_span(made: Made) -> None:
    """A request whose client hangs up is a span that was short, not an error."""

    @traced
    async def request() -> None:
        await asyncio.sleep(60)

    task = asyncio.create_task(request())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert made.only().status.status_code is StatusCode.UNSET
    assert current_name() == ""


@traced
async def streamed(left: list[str]) -> AsyncIterator[str]:
    """Yields what is current in it; says so when it is left too."""
    try:
        for _ in range(2):
            await asyncio.sleep(0)
            yield current_name()
    finally:
        await asyncio.sleep(0.01)
        left.append(current_name())


async def test_asynchronous_generators_span_stays_with_it(made: Made) -> None:
    """The same as for generators, over `await`; also of a block that `yield` leaves for a while."""

    @traced(name="rows")
    async def rows() -> AsyncIterator[str]:
        for _ in range(2):
            with block("row"):
                yield current_name()
                await asyncio.sleep(0)
                assert current_name() == "row"

    assert inspect.isasyncgenfunction(rows)
    with block("consumer"):
        async for said in rows():
            assert (said, current_name()) == ("row", "consumer")
            with block("consumed"):
                await asyncio.sleep(0)
    assert made.parents() == {"consumed": "consumer", "row": "rows", "rows": "consumer", "consumer": None}


async def test_asynchronous_generator_hears_what_is_thrown(made: Made) -> None:
    """Sending, throwing and closing reach the body."""

    @traced(name="careful")
    async def careful() -> AsyncGenerator[str, str]:
        try:
            heard.append((yield "first"))
        except KeyError:
            yield "caught"
        yield "second"

    heard: list[object] = []
    generator = careful()
    assert (await anext(generator), await generator.asend("hello")) == ("first", "second")
    await generator.aclose()
    generator = careful()
    assert (await anext(generator), await generator.athrow(KeyError())) == ("first", "caught")
    await generator.aclose()
    assert heard == ["hello"]
    assert [span.name for span in made.all()] == ["careful", "careful"]


async def test_stream_that_is_closed_by_another_task_ends_there(
    made: Made, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever closes a stream runs its end within its span, and keeps his own."""
    left: list[str] = []
    stream: Any = streamed(left)

    async def begin() -> None:
        with block("reader"):
            await anext(stream)

    await asyncio.create_task(begin())
    with block("closer"):
        await stream.aclose()
        assert current_name() == "closer"
    assert made.parents()["streamed"] == "reader"
    assert (left, caplog.records) == (["streamed"], [])


def test_loop_that_ends_closes_a_stream_once(made: Made, caplog: pytest.LogCaptureFixture) -> None:
    """A stream that was left open ends with its loop, after its own `finally`, and nothing is logged."""
    left: list[str] = []
    stream: Any = streamed(left)

    async def program() -> None:
        await anext(stream)

    asyncio.run(program())
    assert (left, caplog.records) == (["streamed"], [])
    assert made.only().status.status_code is StatusCode.UNSET


def test_what_is_traced_costs_its_own_spans_only(agent: AgentDouble) -> None:
    """A recursion of traced functions is as deep as it is, and ends."""
    program = """
import spanloom_instrumentation
spanloom_instrumentation.configure(service="checkout")
@spanloom_instrumentation.traced
def down(depth): return depth and down(depth - 1)
assert down(50) == 0
"""
    run_program(program, agent)
    sent = list(spans(agent.received()))
    assert len(sent) == 51
    assert len({span.trace_id for span in sent}) == 1
