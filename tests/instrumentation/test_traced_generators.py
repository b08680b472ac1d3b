"""Whatever is done to a generator, with `@traced` the same comes of it as without."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.context import get_current

from spanloom_instrumentation import traced

# Bodies that refuse to end are told so once more when they are thrown away, with and without a span.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")

Reaction: TypeAlias = tuple[str, int]
"""What a body does at a step: "yield", "return" or "raise"; and which of `ERRORS` it raises or catches."""
Deed: TypeAlias = tuple[str, int]
"""What its user does: "next", "send", "throw" or "close"."""

ERRORS: tuple[type[BaseException], ...] = (
    KeyError,
    GeneratorExit,
    asyncio.CancelledError,
    StopIteration,
    StopAsyncIteration,
)

REACTIONS = st.lists(
    st.tuples(st.sampled_from(["yield", "yield", "yield", "return", "raise"]), st.integers(0, 9)), max_size=6
)
DEEDS = st.lists(
    st.tuples(st.sampled_from(["next", "next", "send", "throw", "close"]), st.integers(0, 4)), max_size=8
)


def body(reactions: list[Reaction], heard: list[str]) -> Generator[int, Any, str]:
    """A generator that behaves so, and notes what it is told."""
    for number, (what, which) in enumerate(reactions):
        if what == "return":
            return f"returned {number}"
        if what == "raise":
            raise ERRORS[which % len(ERRORS)](number)
        try:
            heard.append(f"sent {yield number}")
        except ERRORS[which : which + 1] as exc:
            heard.append(f"thrown {exc!r}")
        finally:
            heard.append("left")
    return "done"


async def async_body(reactions: list[Reaction], heard: list[str]) -> AsyncGenerator[int, Any]:
    """The same, asynchronous."""
    for number, (what, which) in enumerate(reactions):
        await asyncio.sleep(0)
        if what == "return":
            return
        if what == "raise":
            raise ERRORS[which % len(ERRORS)](number)
        try:
            heard.append(f"sent {yield number}")
        except ERRORS[which : which + 1] as exc:
            heard.append(f"thrown {exc!r}")
        finally:
            await asyncio.sleep(0)
            heard.append("left")


def outcome(deed: Callable[[], Any]) -> str:
    """What comes of it."""
    try:
        return f"got {deed()}"
    except BaseException as exc:  # noqa: BLE001  # all that there is
        return f"raised {exc!r}"


def used(function: Callable[..., Any], reactions: list[Reaction], deeds: list[Deed]) -> list[str]:
    """All that happens, to the body and to its user, until it is thrown away."""
    happened: list[str] = []
    generator = function(reactions, happened)
    does: dict[str, Callable[[int], Any]] = {
        "next": lambda _: next(generator),
        "send": generator.send,
        "throw": lambda which: generator.throw(ERRORS[which]("thrown")),
        "close": lambda _: generator.close(),
    }
    for what, which in [*deeds, ("close", 0), ("close", 0)]:
        happened.append(outcome(lambda what=what, which=which: does[what](which)))  # type: ignore[misc]  # mypy does not see through defaults of lambdas
        assert not get_current(), "the span stays with the body"
    return happened.copy()


async def async_used(function: Callable[..., Any], reactions: list[Reaction], deeds: list[Deed]) -> list[str]:
    """The same, asynchronous."""
    happened: list[str] = []
    generator = function(reactions, happened)
    does: dict[str, Callable[[int], Any]] = {
        "next": lambda _: anext(generator),
        "send": generator.asend,
        "throw": lambda which: generator.athrow(ERRORS[which]("thrown")),
        "close": lambda _: generator.aclose(),
    }
    for what, which in [*deeds, ("close", 0), ("close", 0)]:
        try:
            happened.append(f"got {await does[what](which)}")
        except BaseException as exc:  # noqa: BLE001  # all that there is
            happened.append(f"raised {exc!r}")
        assert not get_current(), "the span stays with the body"
    return happened.copy()


@settings(max_examples=500, deadline=None)
@given(REACTIONS, DEEDS)
def test_traced_generators_do_what_generators_do(reactions: list[Reaction], deeds: list[Deed]) -> None:
    """Nobody can tell from its behaviour that a generator is traced."""
    assert used(traced(body), reactions, deeds) == used(body, reactions, deeds)


@settings(max_examples=500, deadline=None)
@given(REACTIONS, DEEDS)
def test_traced_asynchronous_generators_do_what_they_do(reactions: list[Reaction], deeds: list[Deed]) -> None:
    """The same of asynchronous ones."""

    async def both() -> tuple[list[str], list[str]]:
        return await async_used(traced(async_body), reactions, deeds), await async_used(
            async_body, reactions, deeds
        )

    with_span, without = asyncio.run(both())
    assert with_span == without
