"""The machine, and its operating system."""

import os
import sys
from typing import Final

from spanloom_model.container import read

_ARCHITECTURES: Final = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm32",
    "armv6l": "arm32",
    "i386": "x86",
    "i686": "x86",
    "ppc64le": "ppc64",
}
"""As OpenTelemetry names them; others are named alike."""
_MACHINE_IDS: Final = ("etc/machine-id", "var/lib/dbus/machine-id")
_RELEASES: Final = ("etc/os-release", "usr/lib/os-release")
_CONTAINED: Final = ("/.dockerenv", "/run/.containerenv", "/var/run/secrets/kubernetes.io")
_RELEASE: Final = {"NAME": "os.name", "VERSION_ID": "os.version", "PRETTY_NAME": "os.description"}


def host(root: str = "") -> dict[str, str]:
    """What it is called; in a container only its name, since the image has the id of where it was made."""
    told = os.uname()
    found = {
        "host.name": told.nodename,
        "host.arch": _ARCHITECTURES.get(told.machine, told.machine),
    }
    contained = any(os.path.exists(root + place) for place in _CONTAINED)  # noqa: PTH110  # pathlib takes three milliseconds to import
    if not contained and (machine := _first_of(root, _MACHINE_IDS).strip()):
        found["host.id"] = machine
    return found


def system(root: str = "") -> dict[str, str]:
    """What runs on it: os-release(5)."""
    found = {"os.type": sys.platform}
    for line in _first_of(root, _RELEASES).splitlines():
        key, _, value = line.partition("=")
        if key in _RELEASE and value:
            found[_RELEASE[key]] = value.strip("\"'")
    return found


def _first_of(root: str, places: tuple[str, ...]) -> str:
    return next(filter(None, (read(f"{root}/{place}") for place in places)), "")
