"""The pod, as far as its environment and its files tell."""

from collections.abc import Mapping
from typing import Final

from spanloom_model.container import read

_NAMESPACE: Final = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

_DOWNWARD: Final[Mapping[str, str]] = {
    "k8s.pod.name": "POD_NAME",
    "k8s.pod.uid": "POD_UID",
    "k8s.namespace.name": "NAMESPACE",
    "k8s.node.name": "NODE_NAME",
    "k8s.container.name": "CONTAINER_NAME",
}
"""Variables that deployments fill by the downward API; POD_NAMESPACE is usual too, and K8S_ before each."""


def kubernetes(environ: Mapping[str, str], host_name: str, root: str = "") -> dict[str, str]:
    """What is known of the pod beside what `container` finds; nothing outside of Kubernetes."""
    if "KUBERNETES_SERVICE_HOST" not in environ:
        return {}
    found = {"k8s.pod.name": host_name, "k8s.namespace.name": read(root + _NAMESPACE).strip()}
    for attribute, name in _DOWNWARD.items():
        for variable in (f"K8S_{name}", name, f"K8S_POD_{name}", f"POD_{name}"):
            if value := environ.get(variable):
                found[attribute] = value
                break
    return {key: value for key, value in found.items() if value}
