"""What the agent knows of its host, for resources that do not say it themselves.

It travels with each request, in a header that any backend may pass over:

    Spanloom-Host-Resource: host.name=web-1,k8s.pod.uid=0f3c…

Keys and values are percent-encoded (RFC 3986), as in OTEL_RESOURCE_ATTRIBUTES. The collector adds each
of them to the resources of the request that have no attribute of that name; spans stay bytes here.
"""

import re
import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from spanloom_model import address
from spanloom_model.errors import MisconfiguredError

HEADER: Final = "Spanloom-Host-Resource"

_POD: Final = re.compile(r"pods?[/_-]?([0-9a-f]{8}([-_])[0-9a-f]{4}\2[0-9a-f]{4}\2[0-9a-f]{4}\2[0-9a-f]{12})")
"""In the name of a cgroup (kubepods-pod….slice), or in the place where kubelet keeps a pod's /etc/hosts."""
_CONTAINER: Final = re.compile(r"[0-9a-f]{64}")
_OWN_FILES: Final = {"/etc/hostname", "/etc/hosts", "/etc/resolv.conf"}
"""What container runtimes mount from a directory that has the container's name; a host's other mounts
may have the names of any container."""


def header(said: str, *, loopback: bool, process: Path = Path("/proc/self")) -> str:
    """The header's value.

    What is *said*, as in `host.name=web-1,container.id=`, goes before what is found out; an empty value
    leaves an attribute out. Which pod or container this is holds for senders only where they come over
    its *loopback* interface. Raises MisconfiguredError where what is said is no such list.
    """
    facts = {"host.name": socket.gethostname()}
    if loopback:
        facts |= _container(process)
    facts |= _pairs(said)
    return ",".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in facts.items() if value)


def is_loopback(listen: str) -> bool:
    """Whether only this host, or this pod, can send to an address."""
    host, _ = address.split(listen)
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _container(process: Path) -> dict[str, str]:
    """The pod, whose containers share one loopback interface; or else the container."""
    mounts = [line.split() for line in _read(process / "mountinfo").splitlines()]
    # proc_pid_mountinfo(5): field 4 is where the mount comes from, field 5 where it is.
    sources = [fields[3] for fields in mounts if len(fields) > 4 and fields[4] in _OWN_FILES]
    hints = "\n".join([_read(process / "cgroup"), *sources])
    if pod := _POD.search(hints):
        return {"k8s.pod.uid": pod[1].replace("_", "-")}
    if container := _CONTAINER.search(hints):
        return {"container.id": container[0]}
    return {}


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _pairs(said: str) -> dict[str, str]:
    pairs = {}
    for part in filter(None, map(str.strip, said.split(","))):
        key, equals, value = part.partition("=")
        if not key or not equals:
            raise MisconfiguredError(f"facts of the host are key=value,key=value, not {said!r}")
        pairs[unquote(key.strip())] = unquote(value.strip())
    return pairs
