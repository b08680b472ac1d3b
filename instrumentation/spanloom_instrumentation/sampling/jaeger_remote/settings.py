"""How a remote sampler is made: by code, or by what OTEL_TRACES_SAMPLER_ARG says."""

from typing import Final
from urllib.parse import urlsplit

from spanloom_instrumentation.notices import warn_once
from spanloom_instrumentation.sampling.jaeger_remote.defaults import (
    ENDPOINT,
    INITIAL_PROBABILITY,
    POLLING_INTERVAL_S,
)
from spanloom_instrumentation.sampling.jaeger_remote.question import Question
from spanloom_instrumentation.sampling.jaeger_remote.sampler import Remote
from spanloom_instrumentation.sampling.samplers import probability

_UNSAID: Final = {
    "endpoint": ENDPOINT,
    "pollingIntervalMs": str(POLLING_INTERVAL_S * 1000),
    "initialSamplingRate": str(INITIAL_PROBABILITY),
}
_HTTP_PORT: Final = 5778
_GRPC_PORT: Final = 14250
"""In OpenTelemetry's own example, `endpoint=http://localhost:14250`."""


def asking(service: str, *, endpoint: str, polling_interval_s: float, initial_probability: float) -> Remote:
    """A sampler that asks there; raises ValueError for what makes no sense."""
    if urlsplit(endpoint).port == _GRPC_PORT:
        warn_once(
            "Port %d is that of Jaeger's gRPC; sampling strategies are asked for over HTTP, at port %d",
            _GRPC_PORT,
            _HTTP_PORT,
        )
        endpoint = endpoint.replace(f":{_GRPC_PORT}", f":{_HTTP_PORT}")
    return Remote(
        Question(endpoint, service),
        initial=probability(initial_probability),
        polling_interval_s=polling_interval_s,
    )


def asking_as_said(argument: str, service: str) -> Remote:
    """As in `endpoint=http://127.0.0.1:5778,pollingIntervalMs=60000,initialSamplingRate=0.001`."""
    told = dict(_UNSAID)
    for item in filter(str.strip, argument.split(",")):
        key, _, value = item.partition("=")
        told[key.strip()] = value.strip()
    if unknown := told.keys() - _UNSAID.keys():
        warn_once("OTEL_TRACES_SAMPLER_ARG has no %s", ", ".join(unknown))
    try:
        return asking(
            service,
            endpoint=told["endpoint"],
            polling_interval_s=float(told["pollingIntervalMs"]) / 1000,
            initial_probability=float(told["initialSamplingRate"]),
        )
    except ValueError as exc:
        warn_once("OTEL_TRACES_SAMPLER_ARG makes no sense, and none of it is heeded: %s", exc)
        return asking_as_said("", service)
