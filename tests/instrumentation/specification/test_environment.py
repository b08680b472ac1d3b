"""OpenTelemetry's specification, configuration/sdk-environment-variables.md: what operations say."""

import re
from pathlib import Path

import pytest

from spanloom_instrumentation import environment
from spanloom_instrumentation.limits import UNLIMITED
from spanloom_instrumentation.resource import from_environment
from tests.instrumentation.doubles import AgentDouble, attributes, names, run_program, spans

REMOTE = "Remote{http://127.0.0.1:5778,Probability{0.001}}"

PROGRAM = """
import spanloom_instrumentation
from opentelemetry import propagate, trace
spanloom_instrumentation.configure()
TOLD = {"a": "abcdef", "b": 2, "c": 3}
with trace.get_tracer("shop").start_as_current_span("pay", attributes=TOLD) as span:
    span.add_event("first", {"a": 1, "b": 2})
    span.add_event("second")
    headers = {}
    propagate.inject(headers)
print(sorted(headers), span.is_recording())
"""


def said(agent: AgentDouble, **variables: str) -> str:
    """What the program prints."""
    run = run_program(PROGRAM, agent, **variables)
    assert "Traceback" not in run.stderr
    return run.stdout.strip()


def test_service_name(agent: AgentDouble) -> None:
    """OTEL_SERVICE_NAME goes before OTEL_RESOURCE_ATTRIBUTES.

    Specified in configuration/sdk-environment-variables.md, General SDK Configuration.
    """
    said(agent, OTEL_SERVICE_NAME="checkout", OTEL_RESOURCE_ATTRIBUTES="service.name=other,team=a")
    (sent,) = agent.received()
    assert sent.service == "checkout"


def test_resource_attributes_are_decoded() -> None:
    """Percent signs, spaces and a forgotten equals sign: what can be read is read.

    Specified in resource/sdk.md, Specifying resource information via an environment variable.
    """
    text = "team=pay%20ments, region = north ,broken,empty=,equals=a=b"
    assert from_environment({"OTEL_RESOURCE_ATTRIBUTES": text}) == {
        "team": "pay ments",
        "region": "north",
        "empty": "",
        "equals": "a=b",
    }


def test_disabled(agent: AgentDouble) -> None:
    """Nothing is recorded, and nothing sent.

    Specified in configuration/sdk-environment-variables.md, General SDK Configuration.
    """
    assert said(agent, OTEL_SDK_DISABLED="True") == "[] False"
    assert agent.received() == []


def test_limits_are_kept(agent: AgentDouble) -> None:
    """Those for spans go before those for all.

    Specified in configuration/sdk-environment-variables.md, Attribute Limits and Span Limits.
    """
    said(
        agent,
        OTEL_ATTRIBUTE_COUNT_LIMIT="1",
        OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT="2",
        OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT="3",
        OTEL_SPAN_EVENT_COUNT_LIMIT="1",
    )
    (sent,) = spans(agent.received())
    assert (attributes(sent), sent.dropped_attributes_count) == ({"a": "abc", "b": 2}, 1)
    assert ([event.name for event in sent.events], sent.dropped_events_count) == (["second"], 1)


def test_every_limit_has_its_variable() -> None:
    """All nine, with the specification's defaults; a number that is none is left out.

    Specified in configuration/sdk-environment-variables.md, Attribute Limits and Span Limits.
    """
    defaults = environment.limits({"OTEL_SPAN_EVENT_COUNT_LIMIT": "many", "OTEL_SPAN_LINK_COUNT_LIMIT": "-1"})
    assert {defaults.span.most, defaults.event.most, defaults.link.most, defaults.events, defaults.links} == {
        128
    }
    assert {defaults.span.longest, defaults.event.longest, defaults.link.longest} == {UNLIMITED}
    found = environment.limits(
        {
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "1",
            "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": "2",
            "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT": "3",
            "OTEL_SPAN_EVENT_COUNT_LIMIT": "0",
            "OTEL_SPAN_LINK_COUNT_LIMIT": "5",
            "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "6",
            "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "7",
        }
    )
    assert (found.span.most, found.event.most, found.link.most, found.events, found.links) == (1, 2, 3, 0, 5)
    assert (found.span.longest, found.event.longest, found.link.longest) == (6, 7, 7)


@pytest.mark.parametrize(
    ("name", "argument", "description"),
    [
        ("", "", "None"),
        ("always_on", "", "AlwaysOn"),
        ("ALWAYS_OFF", "", "AlwaysOff"),
        ("traceidratio", "0.25", "Probability{0.25}"),
        ("traceidratio", "0", "AlwaysOff"),
        ("parentbased_always_on", "", "None"),
        ("parentbased_always_off", "", "ParentBased{root=AlwaysOff}"),
        ("parentbased_traceidratio", "0.25", "ParentBased{root=Probability{0.25}}"),
        ("traceidratio", "", "AlwaysOn"),
        ("traceidratio", "a lot", "AlwaysOn"),
        ("traceidratio", "2", "AlwaysOn"),
        ("jaeger_remote", "", REMOTE),
        ("parentbased_jaeger_remote", "", f"ParentBased{{root={REMOTE}}}"),
        (
            "jaeger_remote",
            "endpoint=http://far:80,pollingIntervalMs=5000,initialSamplingRate=0.25",
            "Remote{http://far:80,Probability{0.25}}",
        ),
        (
            "jaeger_remote",
            "initialSamplingRate = 1 , ,other=1",
            "Remote{http://127.0.0.1:5778,Probability{1.0}}",
        ),
        ("jaeger_remote", "initialSamplingRate=2", REMOTE),
        ("jaeger_remote", "pollingIntervalMs=often", REMOTE),
        ("jaeger_remote", "endpoint=near", REMOTE),
        ("jaeger_remote", "0.5", REMOTE),
        ("no such sampler", "", "None"),
    ],
)
def test_samplers(name: str, argument: str, description: str) -> None:
    """Each name is one; what cannot be understood leaves the default, which keeps all.

    Specified in configuration/sdk-environment-variables.md, General SDK Configuration.
    """
    variables = {"OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": argument}
    assert str(environment.sampler(variables, service="shop")) == description


def test_sampler_is_used(agent: AgentDouble) -> None:
    """Operations switch sampling off without touching the program.

    Specified in configuration/sdk-environment-variables.md, General SDK Configuration.
    """
    assert said(agent, OTEL_TRACES_SAMPLER="always_off") == "['traceparent'] False"
    assert agent.received() == []


def test_propagators(agent: AgentDouble) -> None:
    """The API's own setting holds.

    Specified in configuration/sdk-environment-variables.md, General SDK Configuration.
    """
    assert said(agent) == "['traceparent', 'tracestate'] False"
    assert said(agent, OTEL_PROPAGATORS="none") == "[] False"


def test_exporters(agent: AgentDouble) -> None:
    """None sends nothing, console prints, several do all, unknown ones are left out.

    Specified in configuration/sdk-environment-variables.md, Exporter Selection.
    """
    said(agent, OTEL_TRACES_EXPORTER="none")
    assert agent.received() == []
    assert '"name": "pay"' in said(agent, OTEL_TRACES_EXPORTER="console, spanloom")
    assert names(agent.received()) == ["pay"]
    said(agent, OTEL_TRACES_EXPORTER="no-such-exporter,spanloom")
    assert names(agent.received()) == ["pay"]


def test_batching() -> None:
    """Queue, batch and delay, in milliseconds; zero spans cannot be queued.

    Specified in configuration/sdk-environment-variables.md, Batch Span Processor.
    """
    variables = {
        "OTEL_BSP_MAX_QUEUE_SIZE": "10",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "0",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }
    assert environment.batching(variables, queued=1, batch=2, interval_s=3) == (10, 2, 0.05)


def test_id_generator() -> None:
    """The default is random; a name that is none leaves it.

    Specified in configuration/sdk-environment-variables.md, Language Specific Environment Variables.
    """
    assert environment.ids({"OTEL_PYTHON_ID_GENERATOR": "random"}) is None
    assert environment.ids({"OTEL_PYTHON_ID_GENERATOR": "no such generator"}) is None


def test_variables_are_documented() -> None:
    """Every variable that is read has a row in the documentation, and no other has.

    Specified in configuration/sdk-environment-variables.md, Implementation guidelines.
    """
    root = Path(__file__).parents[3]
    package = root / "instrumentation" / "spanloom_instrumentation"
    read = {
        name
        for path in package.rglob("*.py")
        for name in re.findall(r'"(OTEL_[A-Z_]+)"', path.read_text())
        if not name.startswith("OTEL_EXPORTER_")
    }
    documented = re.findall(
        r"^\| `(OTEL_[A-Z_]+)` \|", (root / "docs/configuration.md").read_text(), re.MULTILINE
    )
    assert set(documented) == read


def test_empty_is_unset() -> None:
    """A variable that a deployment leaves empty changes nothing.

    Specified in configuration/common.md, Environment variables.
    """
    variables = dict.fromkeys(
        ["OTEL_SPAN_EVENT_COUNT_LIMIT", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED"],
        "",
    )
    assert environment.limits(variables).events == 128
    assert environment.sampler(variables, service="shop") is None
    assert environment.exporters(variables) == ["spanloom"]
    assert not environment.disabled(variables)
