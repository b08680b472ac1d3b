"""What the agent knows of its host, for resources that do not say it themselves.

It travels with each request, in a header that any backend may pass over:

    Spanloom-Host-Resource: host.name=web-1,k8s.pod.uid=0f3c…

Keys and values are percent-encoded (RFC 3986), as in OTEL_RESOURCE_ATTRIBUTES. The collector adds each
of them to the resources of the request that have no attribute of that name; spans stay bytes here.
"""

import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from spanloom_model import address, container
from spanloom_model.errors import MisconfiguredError

HEADER: Final = "Spanloom-Host-Resource"


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
    found = container.attributes(str(process))
    key = "k8s.pod.uid" if "k8s.pod.uid" in found else "container.id"
    return {key: found[key]} if key in found else {}


def _pairs(said: str) -> dict[str, str]:
    pairs = {}
    for part in filter(None, map(str.strip, said.split(","))):
        key, equals, value = part.partition("=")
        if not key or not equals:
            raise MisconfiguredError(f"facts of the host are key=value,key=value, not {said!r}")
        pairs[unquote(key.strip())] = unquote(value.strip())
    return pairs
