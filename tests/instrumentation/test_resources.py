"""What a service's spans say of where they were made."""

import os
from pathlib import Path
from typing import Final

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanloom_instrumentation.resource import Resource
from spanloom_instrumentation.resources.detectors import surroundings
from spanloom_instrumentation.resources.host import host, system
from spanloom_instrumentation.resources.kubernetes import kubernetes
from tests.instrumentation.doubles import AgentDouble, attributes, run_program

PROGRAM: Final = """
import spanloom_instrumentation
from opentelemetry import trace
spanloom_instrumentation.configure()
trace.get_tracer("shop").start_span("made").end()
"""


def told(agent: AgentDouble, **variables: str) -> dict[str, object]:
    """The resource of a program."""
    assert run_program(PROGRAM, agent, **variables).stderr == ""
    (sent,) = agent.received()
    return attributes(ExportTraceServiceRequest.FromString(sent.payload).resource_spans[0].resource)


def write(root: Path, place: str, text: str) -> None:
    """A file of a machine."""
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).write_text(text)


def test_host_is_known_by_its_id(tmp_path: Path) -> None:
    """Two hosts of one name are told apart; a container does not claim to be the machine of its image."""
    assert host(str(tmp_path)).keys() == {"host.name", "host.arch"}
    write(tmp_path, "var/lib/dbus/machine-id", "older\n")
    assert host(str(tmp_path))["host.id"] == "older"
    write(tmp_path, "etc/machine-id", "3d12\n")
    assert host(str(tmp_path))["host.id"] == "3d12"
    write(tmp_path, ".dockerenv", "")
    assert "host.id" not in host(str(tmp_path))


def test_system_is_named_as_it_names_itself(tmp_path: Path) -> None:
    """As in os-release, with and without quotes."""
    assert system(str(tmp_path)) == {"os.type": "linux"}
    write(
        tmp_path,
        "usr/lib/os-release",
        "NAME=\"Debian GNU/Linux\"\nVERSION_ID=12\nPRETTY_NAME='Debian 12'\nID",
    )
    assert system(str(tmp_path)) == {
        "os.type": "linux",
        "os.name": "Debian GNU/Linux",
        "os.version": "12",
        "os.description": "Debian 12",
    }


def test_pod_is_known(tmp_path: Path) -> None:
    """By the usual variables of the downward API, else by its files; elsewhere nothing is said."""
    inside = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    assert kubernetes({"POD_NAME": "no"}, "web-1") == {}
    assert kubernetes(inside, "checkout-7d9f", str(tmp_path)) == {"k8s.pod.name": "checkout-7d9f"}
    write(tmp_path, "var/run/secrets/kubernetes.io/serviceaccount/namespace", "payments\n")
    assert kubernetes(inside, "checkout-7d9f", str(tmp_path))["k8s.namespace.name"] == "payments"
    variables = {
        "POD_NAME": "a",
        "K8S_POD_UID": "b",
        "POD_NAMESPACE": "c",
        "K8S_NODE_NAME": "d",
        "CONTAINER_NAME": "e",
    }
    assert kubernetes(inside | variables, "checkout-7d9f", str(tmp_path)) == {
        "k8s.pod.name": "a",
        "k8s.pod.uid": "b",
        "k8s.namespace.name": "c",
        "k8s.node.name": "d",
        "k8s.container.name": "e",
    }


def test_all_is_told(agent: AgentDouble) -> None:
    """A span leads to its process, its host and its system; arguments may be secrets and are not told."""
    found = told(agent)
    assert found["host.name"] == os.uname().nodename
    assert found["os.type"] == "linux"
    assert found["process.pid"]
    assert found["process.runtime.name"] == "cpython"
    assert "process.command_args" not in found
    assert "configure" not in str(found)


def test_operations_choose(agent: AgentDouble) -> None:
    """What they name is looked for and no more; what they say themselves goes first."""
    found = told(
        agent,
        OTEL_EXPERIMENTAL_RESOURCE_DETECTORS="host, command_args,otel,service_instance",
        OTEL_RESOURCE_ATTRIBUTES="host.name=web-1",
    )
    assert found.pop("process.command_args")[1] == "-c"  # type: ignore[index]  # a tuple
    assert found.pop("host.name") == "web-1"
    assert {key.partition(".")[0] for key in found} <= {"host", "service", "telemetry"}


OTHERS: Final = """
import time
class Good:
    attributes = {"cloud.region": "north", "host.name": "cloud-1"}
    def detect(self): return self
class Slow:
    def detect(self): time.sleep(60)
class Bad:
    def __init__(self): raise ValueError("no")
"""


@pytest.mark.parametrize("names", ["host,good,slow,bad,no_such", "*"])
def test_detectors_of_others_look_too(names: str, agent: AgentDouble, tmp_path: Path) -> None:
    """A cloud's adds what it knows; one that hangs, fails or is not there does not keep the program."""
    write(tmp_path, "others-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: others\nVersion: 1\n")
    points = "".join(f"{name.lower()} = others:{name}\n" for name in ("Good", "Slow", "Bad"))
    write(tmp_path, "others-1.dist-info/entry_points.txt", f"[opentelemetry_resource_detector]\n{points}")
    write(tmp_path, "others.py", OTHERS)
    variables = {"OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": names, "PYTHONPATH": str(tmp_path)}
    run = run_program(PROGRAM, agent, **variables)
    (sent,) = agent.received()
    found = attributes(ExportTraceServiceRequest.FromString(sent.payload).resource_spans[0].resource)
    assert (found["cloud.region"], found["host.name"]) == ("north", "cloud-1")
    assert "slow" in run.stderr
    assert "bad: ValueError('no')" in run.stderr
    assert ("no_such" in run.stderr) == ("no_such" in names)
    assert ("process.pid" in found) == (names == "*")


def test_child_looks_at_itself_only() -> None:
    """After a fork what has to do with the process is anew; a cloud is not asked again."""
    parent = Resource.of_this_process({"team": "payments"}, found={"host.name": "asked once"})
    child = parent.after_fork().after_fork()
    assert child.attributes["host.name"] == "asked once"
    assert child.attributes["team"] == "payments"
    assert child.attributes["service.instance.id"] != parent.attributes["service.instance.id"]
    said = Resource.of_this_process({"service.instance.id": "mine"}).after_fork()
    assert said.attributes["service.instance.id"] == "mine"


def test_what_is_found_is_a_name() -> None:
    """Nothing empty is sent."""
    assert all(value for value in surroundings().values())
