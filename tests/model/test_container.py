"""Containers and pods, told by the files that the kernel shows a process."""

from pathlib import Path
from typing import Final

import pytest

from spanloom_model import container

ID: Final = "5a1b" * 16
OTHER: Final = "0c9d" * 16
UID: Final = "0f3c2a1e-8b7d-4c6f-9a5e-1d2c3b4a5f6e"

DOCKER_MOUNTS: Final = (
    (f"/var/lib/docker/containers/{ID}/resolv.conf", "/etc/resolv.conf"),
    (f"/var/lib/docker/containers/{ID}/hostname", "/etc/hostname"),
)
POD_MOUNTS: Final = (
    (f"/containerd/io.containerd.grpc.v1.cri/sandboxes/{OTHER}/hostname", "/etc/hostname"),
    (f"/kubelet/pods/{UID}/etc-hosts", "/etc/hosts"),
    (f"/kubelet/pods/{UID}/containers/checkout/1f2e3d4c", "/dev/termination-log"),
)
POD: Final = {"k8s.pod.uid": UID, "k8s.container.name": "checkout"}


def told(folder: Path, cgroup: str, mounts: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """What is found of a process with such files."""
    (folder / "cgroup").write_text(cgroup)
    lines = (f"1 2 0:3 {source} {place} rw - ext4 /dev/root rw\n" for source, place in mounts)
    (folder / "mountinfo").write_text("".join(lines))
    return container.attributes(str(folder))


@pytest.mark.parametrize(
    ("cgroup", "mounts", "found"),
    [
        (f"12:pids:/docker/{ID}\n1:name=systemd:/docker/{ID}\n", (), {"container.id": ID}),
        (f"0::/system.slice/docker-{ID}.scope\n", (), {"container.id": ID}),
        (f"0::/machine.slice/libpod-{ID}.scope/container\n", (), {"container.id": ID}),
        (f"0::/ecs/task/{ID}\n", (), {"container.id": ID}),
        ("0::/\n", DOCKER_MOUNTS, {"container.id": ID}),
        (
            "0::/\n",
            ((f"/containers/storage/overlay-containers/{ID}/userdata/hostname", "/etc/hostname"),),
            {"container.id": ID},
        ),
        (f"0::/kubepods/burstable/pod{UID}/{ID}\n", (), {"container.id": ID, "k8s.pod.uid": UID}),
        (
            f"0::/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice/cri-containerd-{ID}.scope\n",
            POD_MOUNTS,
            {"container.id": ID, **POD},
        ),
        (
            f"1:cpu:/system.slice/containerd.service/kubepods-pod{UID}.slice:cri-containerd:{ID}\n",
            POD_MOUNTS,
            {"container.id": ID, **POD},
        ),
        ("0::/\n", POD_MOUNTS, POD),
        ("0::/user.slice/user-1000.slice/session-2.scope\n", (), {}),
        ("0::/\n", ((f"/var/lib/docker/containers/{ID}/hostname", "/srv/somewhere"),), {}),
        ("0::/\n", ((f"/alloc/{UID}/hosts", "/etc/hosts"),), {}),
    ],
    ids=[
        "docker, cgroup v1",
        "docker, cgroup v2",
        "podman",
        "ecs",
        "docker, own cgroup namespace",
        "podman, own cgroup namespace",
        "pod, cgroup v1",
        "pod, systemd",
        "pod, containerd's service",
        "pod, own cgroup namespace",
        "no container",
        "host that sees a container",
        "another scheduler's id",
    ],
)
def test_container_is_found(
    cgroup: str, mounts: tuple[tuple[str, str], ...], found: dict[str, str], tmp_path: Path
) -> None:
    """Whichever runtime started it: its own id and its pod's, never that of the pod's network or others'."""
    assert told(tmp_path, cgroup, mounts) == found


def test_files_of_any_kind_are_no_trouble(tmp_path: Path) -> None:
    """No /proc, lines cut short, bytes that are no text, a file without an end: nothing is raised."""
    assert container.attributes(str(tmp_path / "nowhere")) == {}
    (tmp_path / "cgroup").write_bytes(b"\xff\xfe\n0::/docker/" + b"5" * 63 + b"\n:\npod\npods/\n")
    (tmp_path / "mountinfo").write_bytes(b"1 2 3\n\n" + b"x " * 400_000)
    assert container.attributes(str(tmp_path)) == {}
