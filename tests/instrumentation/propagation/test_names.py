"""How propagators are chosen: by names in the environment, by names or objects in code."""

import json
import os
import subprocess
import sys
from collections.abc import MutableMapping
from importlib.metadata import entry_points
from typing import Any

import pytest
from opentelemetry.propagators.textmap import DefaultSetter

from spanloom_instrumentation.propagation.b3 import B3Multi, B3Single
from spanloom_instrumentation.propagation.jaeger import Jaeger
from spanloom_instrumentation.propagation.named import composed

PROGRAM = """
import json, sys
import spanloom_instrumentation
{configure}
from opentelemetry import propagate, trace
with trace.get_tracer("shop").start_as_current_span("pay"):
    headers = {{}}
    propagate.inject(headers)
print(json.dumps(sorted(headers)))
"""


def written(
    configure: str = "spanloom_instrumentation.configure()", **variables: str
) -> tuple[list[str], str]:
    """The headers that a program writes, and what it says in its log."""
    environment = {key: value for key, value in os.environ.items() if key != "OTEL_PROPAGATORS"}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(configure=configure)],
        env={**environment, **variables, "SPANLOOM_AGENT": "127.0.0.1:1"},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    found: list[str] = json.loads(run.stdout)
    return found, run.stderr


W3C = ["traceparent", "tracestate"]
MULTI = ["x-b3-sampled", "x-b3-spanid", "x-b3-traceid"]


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        ("", W3C),
        ("tracecontext,baggage", W3C),
        ("b3", ["b3"]),
        (" B3Multi , jaeger,", ["uber-trace-id", *MULTI]),
        ("tracecontext,b3,b3", ["b3", *W3C]),
        ("none", []),
        ("b3,none", []),
    ],
)
def test_names_in_the_environment(value: str, headers: list[str]) -> None:
    """Operations choose headers without touching the program, and without another package."""
    found, log = written(OTEL_PROPAGATORS=value)
    assert found == headers
    assert log == ""


@pytest.mark.parametrize(("value", "headers"), [("b3,xxx", ["b3"]), ("xxx", W3C)])
def test_names_that_there_are_not(value: str, headers: list[str]) -> None:
    """A typo is in the log; the service starts all the same, and the rest of the list holds."""
    found, log = written(OTEL_PROPAGATORS=value)
    assert found == headers
    assert "xxx" in log
    assert "Traceback" not in log


@pytest.mark.parametrize(
    ("given", "headers"),
    [
        ('"b3,tracecontext"', ["b3", *W3C]),
        ('["b3multi", "jaeger"]', ["uber-trace-id", *MULTI]),
        ("[]", []),
        ("[B3Single(), 'jaeger']", ["b3", "uber-trace-id"]),
        ("[B3Single, 'jaeger']", ["uber-trace-id"]),
    ],
)
def test_code_goes_before_the_environment(given: str, headers: list[str]) -> None:
    """What a service says itself holds: names, objects, or none at all."""
    configure = (
        "from spanloom_instrumentation.propagation.b3 import B3Single\n"
        f"spanloom_instrumentation.configure(propagators={given})"
    )
    assert written(configure, OTEL_PROPAGATORS="tracecontext")[0] == headers


def test_environment_is_as_before() -> None:
    """Child processes read the same variable."""
    configure = (
        "import os\nspanloom_instrumentation.configure()\nassert os.environ['OTEL_PROPAGATORS'] == 'b3'"
    )
    assert written(configure, OTEL_PROPAGATORS="b3")[0] == ["b3"]


@pytest.mark.parametrize(("name", "cls"), [("b3", B3Single), ("b3multi", B3Multi), ("jaeger", Jaeger)])
def test_api_finds_ours_by_the_names_of_the_specification(name: str, cls: type) -> None:
    """Also a service with another provider has them; in ours they go before packages of the same names."""
    registered = [point.load() for point in entry_points(group="opentelemetry_propagator", name=name)]
    assert cls in registered
    assert len(registered) == 2, "opentelemetry-propagator-… is installed beside"
    (chosen,) = composed(name)._propagators
    assert type(chosen) is cls


def test_each_is_there_once() -> None:
    """A name that is said twice does not write its headers twice."""
    sets: list[str] = []

    class Counting(DefaultSetter):
        def set(self, carrier: MutableMapping[str, Any], key: str, value: Any) -> None:
            sets.append(key)

    composed("b3, b3").inject({}, B3Single().extract({"b3": "d"}), Counting())
    assert sets == ["b3"]
