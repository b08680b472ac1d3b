"""What the agent says of its host and of losses, in headers of its requests."""

import asyncio
import socket
from pathlib import Path

import httpx
import pytest

from spanloom_agent import host_facts, losses
from spanloom_model.errors import MisconfiguredError
from tests.agent.in_process import CollectorDouble, agent_before, numbered, send, until, wait_for_datagrams

UID = "0f3c2b1a-1111-2222-3333-444455556666"
CONTAINER = "b4d1" * 16
OTHERS = "5eed" * 16


class Headers:
    """A collector that keeps the headers of its requests."""

    def __init__(self) -> None:
        self.double = CollectorDouble()
        self.seen: list[httpx.Headers] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.seen.append(request.headers)
        return self.double(request)


async def test_host_is_named_in_each_request() -> None:
    """Spans of a service that does not know its host can be found by it; any backend takes the request."""
    collector = Headers()
    async with agent_before(collector, host_resource="cloud.zone=a%2Cb, service.owner=Ü") as agent:
        send(agent, numbered(0))
        await until(lambda: bool(collector.double.taken))
    assert collector.seen[0]["content-type"] == "application/x-protobuf"
    assert collector.seen[0]["content-length"] == str(len(collector.double.taken))
    said = collector.seen[0][host_facts.HEADER]
    assert said.startswith(f"host.name={socket.gethostname()}")
    assert said.endswith(",cloud.zone=a%2Cb,service.owner=%C3%9C")


@pytest.mark.parametrize(
    ("cgroup", "mounts", "expected"),
    [
        ("0::/system.slice/spanloom.service", f"/ /var/lib/docker/containers/{OTHERS}/mounts/shm", {}),
        (f"3:cpu:/docker/{CONTAINER}", "", {"container.id": CONTAINER}),
        (
            "0::/",
            f"/var/lib/docker/containers/{CONTAINER}/hostname /etc/hostname",
            {"container.id": CONTAINER},
        ),
        ("0::/", f"/var/lib/kubelet/pods/{UID}/etc-hosts /etc/hosts", {"k8s.pod.uid": UID}),
        (
            f"0::/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice/cri-containerd-{CONTAINER}.scope",
            "",
            {"k8s.pod.uid": UID},
        ),
        (f"4:pids:/kubepods/burstable/pod{UID}/{CONTAINER}", "", {"k8s.pod.uid": UID}),
    ],
    ids=["host", "docker-v1", "docker-v2", "pod-v2", "pod-systemd", "pod-v1"],
)
def test_pod_or_container_is_found_out(
    tmp_path: Path, cgroup: str, mounts: str, expected: dict[str, str]
) -> None:
    """An agent beside its services tells their pod or container; one on the host, nobody's."""
    (tmp_path / "cgroup").write_text(cgroup + "\n")
    (tmp_path / "mountinfo").write_text(f"1 2 0:3 {mounts} rw - ext4 /dev/root rw\n" if mounts else "")
    own = f"host.name={socket.gethostname()}"
    told = host_facts.header("", loopback=True, process=tmp_path)
    assert told == ",".join([own, *(f"{key}={value}" for key, value in expected.items())])
    assert host_facts.header("", loopback=False, process=tmp_path) == own, "senders may be elsewhere"


def test_what_is_said_goes_before_what_is_found_out(tmp_path: Path) -> None:
    """Whoever knows better can say so, or leave an attribute out."""
    assert host_facts.header("host.name=node-7", loopback=True, process=tmp_path) == "host.name=node-7"
    assert host_facts.header("host.name=", loopback=True, process=tmp_path) == ""


@pytest.mark.parametrize("said", ["web-1", "=web-1", "host.name=a,b"])
async def test_facts_that_are_none_are_one_sentence(said: str) -> None:
    """A mistake is told at start."""
    with pytest.raises(MisconfiguredError, match="facts of the host are key=value,key=value"):
        async with agent_before(CollectorDouble(), host_resource=said):
            pass


async def test_losses_are_told_once() -> None:
    """The collectors' figures add up to what all agents know to be lost, however often a request is tried."""
    collector = Headers()
    collector.double.status = 503
    async with agent_before(collector) as agent:
        send(agent, numbered(0), numbered(11, dropped_count=5))
        await until(lambda: len(collector.double.requests) >= 2)
        collector.double.status = 200
        await until(lambda: bool(collector.double.taken))
        await asyncio.sleep(losses.EVERY_S)
        send(agent, numbered(12, dropped_count=5), numbered(15, dropped_count=5))
        await wait_for_datagrams(agent, 4)
    told = [headers[losses.HEADER] for headers in collector.seen if losses.HEADER in headers]
    assert told[-2:] == ["shop=15", "shop=2"]
    assert set(told[:-2]) == {"shop=15"}
