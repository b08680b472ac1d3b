"""OpenTelemetry's specification, common/: values of attributes, and the resource."""

import enum
import math
from typing import Any

import pytest
from opentelemetry.util.types import AnyValue

from spanloom_instrumentation.resource import Resource
from tests.instrumentation.doubles import Traced, attributes, traced


class Word(str, enum.Enum):  # noqa: UP042  # StrEnum says its value, this does not
    """A string that calls itself something else."""

    GET = "get"


class Mute:
    """Cannot be made a string."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def itself() -> list[Any]:
    """A list that holds itself."""
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    "value",
    [
        "text",
        "",
        "ü🙂\x00",
        True,
        False,
        0,
        1,
        -1,
        2**63 - 1,
        -(2**63),
        0.0,
        -0.0,
        1.5,
        math.inf,
        b"",
        b"\x00\xff",
        None,
        (),
        ("a", "b"),
        (1, None, 2),
        (True, 1, 1.0, "1", b"1"),
        {},
        {"k": ("v", {"k": None})},
    ],
    ids=repr,
)
def test_values_arrive_as_they_are(here: Traced, value: Any) -> None:
    """Each type of value, zero and empty ones too, is itself on the other side.

    Specified in common/README.md, AnyValue.
    """
    tracer = here.provider.get_tracer("lib")
    for _ in range(2):  # the second time from memory
        tracer.start_span("made", attributes={"key": value}).end()
    span = tracer.start_span("made")
    span.set_attribute("key", value)
    span.end()
    for sent in here.spans():
        assert repr(attributes(sent)["key"]) == repr(value)


def test_equal_values_of_different_types_stay_different(here: Traced) -> None:
    """True, 1 and 1.0 are not mixed up, nor 0.0 and -0.0.

    Specified in common/README.md, AnyValue.
    """
    values: list[Any] = [True, 1, 1.0, "1", 0.0, -0.0, False, 0]
    for value in values * 2:
        here.provider.get_tracer("lib").start_span("made", attributes={"key": value}).end()
    assert [repr(attributes(sent)["key"]) for sent in here.spans()] == [repr(value) for value in values * 2]


def test_nan_arrives(here: Traced) -> None:
    """Not a number is a number here.

    Specified in common/README.md, AnyValue.
    """
    here.provider.get_tracer("lib").start_span("made", attributes={"key": math.nan}).end()
    assert math.isnan(attributes(here.span())["key"])


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (2**63, str(2**63)),
        (-(2**63) - 1, str(-(2**63) - 1)),
        (Word.GET, "get"),
        ([Word.GET], ("get",)),
        (range(3), (0, 1, 2)),
        (bytearray(b"ab"), b"ab"),
        ({1: "one"}, {"1": "one"}),
        (1 + 2j, "(1+2j)"),
        ("half \ud800 pair", "half ? pair"),
    ],
    ids=repr,
)
def test_other_values_become_these(here: Traced, value: Any, sent: Any) -> None:
    """What OTLP does not know becomes what is nearest.

    Specified in common/attribute-type-mapping.md, Converting to AnyValue.
    """
    here.provider.get_tracer("lib").start_span("made", attributes={"key": value}).end()
    assert attributes(here.span()) == {"key": sent}


@pytest.mark.parametrize("key", ["", None, 17, b"key"], ids=repr)
def test_keys_that_are_none_are_dropped_and_counted(here: Traced, key: Any) -> None:
    """A key is a string that is not empty.

    Specified in common/README.md, Attribute.
    """
    tracer = here.provider.get_tracer("lib")
    tracer.start_span("made", attributes={key: 1, "good": 2}).end()
    span = tracer.start_span("made", attributes={"good": 2})
    span.set_attribute(key, 1)
    span.end()
    for sent in here.spans():
        assert (attributes(sent), sent.dropped_attributes_count) == ({"good": 2}, 1)


@pytest.mark.parametrize("value", [Mute(), itself(), [Mute()]], ids=["mute", "itself", "mute inside"])
def test_values_that_cannot_be_read_hurt_nobody(here: Traced, value: Any) -> None:
    """They are dropped and counted; nothing is raised.

    Specified in error-handling.md, Basic error handling principles.
    """
    tracer = here.provider.get_tracer("lib")
    span = tracer.start_span("made", attributes={"bad": value, "good": 1})
    span.set_attribute("worse", value)
    span.add_event("then", {"bad": value})
    span.end()
    sent = here.span()
    assert (attributes(sent), sent.dropped_attributes_count) == ({"good": 1}, 2)
    assert sent.events[0].dropped_attributes_count == 1


@pytest.mark.parametrize("told", [17, [("a", 1)], "text"], ids=repr)
def test_attributes_that_are_none_hurt_nobody(here: Traced, told: Any) -> None:
    """A list where a dictionary was wanted costs its attributes, no request.

    Specified in error-handling.md, Basic error handling principles.
    """
    span = here.provider.get_tracer("lib").start_span("made", attributes=told)
    span.set_attributes(told)
    span.add_event("then", told)
    span.record_exception(ValueError("no"), told)
    span.add_links([told])  # type: ignore[attr-defined]  # ours has it
    span.set_status(told)
    span.end()
    assert not here.span().attributes


def test_many_keys_and_values_are_not_remembered_for_ever(here: Traced) -> None:
    """A program with ever new keys, names and values stays correct.

    Specified in common/README.md, Attribute.
    """
    tracer = here.provider.get_tracer("lib")
    for number in range(3000):
        tracer.start_span(
            f"n{number}", attributes={f"k{number % 1500}": f"v{number}", "same": number % 200}
        ).end()
    sent = here.spans()
    assert [span.name for span in sent] == [f"n{number}" for number in range(3000)]
    assert [attributes(span) for span in sent] == [
        {f"k{number % 1500}": f"v{number}", "same": number % 200} for number in range(3000)
    ]


def test_resource_is_told_whole() -> None:
    """Neither limits nor number cut it.

    Specified in resource/sdk.md and common/README.md, Exempt Entities.
    """
    told: dict[str, AnyValue] = {f"key{number}": "x" * 300 for number in range(150)}
    told["service.name"] = "shop"
    here = traced(resource=Resource(told, "https://schema/2"))
    here.provider.get_tracer("lib").start_span("made").end()
    (request,) = here.requests()
    assert attributes(request.resource_spans[0].resource) == told
    assert request.resource_spans[0].schema_url == "https://schema/2"
    assert here.datagrams[0].service == "shop"


def test_default_resource_names_the_sdk_and_the_process() -> None:
    """Who looks at a span knows what has made it.

    Specified in resource/README.md, SDK-provided resource attributes.
    """
    told = Resource.of_this_process().attributes
    assert str(told["service.name"]).startswith("unknown_service")
    assert (told["telemetry.sdk.language"], told["telemetry.sdk.name"]) == ("python", "spanloom")
