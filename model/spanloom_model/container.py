"""The container and the pod of a process, as its own files tell: proc_pid_mountinfo(5), cgroups(7)."""

from collections.abc import Iterable
from typing import Final

_MOST: Final = 262_144
"""Characters that are read of a file; a host may have thousands of mounts."""
_OWN_FILES: Final = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
"""What container runtimes mount from a directory that has the container's name; a host's other mounts
may have the names of any container."""
_MESSAGE: Final = "/dev/termination-log"
"""Where kubelet mounts a file of the container itself: …/pods/UID/containers/NAME/…"""
_HEX: Final = frozenset("0123456789abcdef")


def attributes(process: str = "/proc/self") -> dict[str, str]:
    """`container.id`, `k8s.pod.uid` and `k8s.container.name`, as far as they are told."""
    cgroups = [line.rpartition(":")[2] for line in read(f"{process}/cgroup").splitlines()]
    fields = [line.split(maxsplit=5) for line in read(f"{process}/mountinfo").splitlines()]
    mounts = {each[4]: each[3] for each in fields if len(each) > 4}
    own = [mounts[place] for place in _OWN_FILES if place in mounts]
    message = mounts.get(_MESSAGE, "")
    pod = _first(_pod(path) for path in [*cgroups, *own, message])
    # What a pod's files are mounted from is not the container's directory, but that of the pod's network.
    container = _first(_container(path) for path in (cgroups if pod else [*cgroups, *own]))
    name = message.partition("/containers/")[2].partition("/")[0] if pod else ""
    found = {"container.id": container, "k8s.pod.uid": pod, "k8s.container.name": name}
    return {key: value for key, value in found.items() if value}


def read(path: str) -> str:
    """What is at the beginning of a file; nothing where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123  # pathlib takes three milliseconds to import
            return file.read(_MOST)
    except OSError:
        return ""


def _first(found: Iterable[str]) -> str:
    return next(filter(None, found), "")


def _pod(path: str) -> str:
    """The UID in kubepods-pod0f3c….slice, /kubepods/pod0f3c…, /var/lib/kubelet/pods/0f3c…/etc-hosts."""
    for rest in path.replace("_", "-").split("pod")[1:]:
        uid = rest.removeprefix("s").lstrip("/-")[:36]
        if [len(part) for part in uid.split("-")] == [8, 4, 4, 4, 12] and _HEX.issuperset(
            uid.replace("-", "")
        ):
            return uid
    return ""


def _container(path: str) -> str:
    """The id in /docker/5a1b…, cri-containerd-5a1b….scope, …:crio:5a1b…, containers/5a1b…/hostname."""
    for part in reversed(path.split("/")):
        name = part.removesuffix(".scope").replace(":", "-").rpartition("-")[2]
        if len(name) == 64 and _HEX.issuperset(name):
            return name
    return ""
