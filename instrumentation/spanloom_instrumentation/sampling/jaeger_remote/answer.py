"""What a strategy says, as a sampler: Jaeger's SamplingStrategyResponse in JSON.

github.com/jaegertracing/jaeger-idl, proto/api_v2/sampling.proto. As in all JSON of protobuf, what is
zero may be left out.
"""

import json
from collections.abc import Mapping
from typing import Any

from spanloom_instrumentation.sampling.annotation import Annotating
from spanloom_instrumentation.sampling.jaeger_remote.operations import PerOperation, Probabilistic
from spanloom_instrumentation.sampling.rate_limit import RateLimited
from spanloom_instrumentation.sampling.sampler import Sampler
from spanloom_instrumentation.sampling.samplers import ALWAYS_OFF


def sampler_of(answer: bytes) -> Sampler:
    """The sampler that it asks for; raises ValueError where it asks for none, or for nonsense."""
    try:
        return _sampler(json.loads(answer))
    except RecursionError as exc:
        raise ValueError("the answer is nested too deeply") from exc


def _sampler(told: object) -> Sampler:
    if not isinstance(told, dict):
        raise ValueError(f"the answer is {told!r:.100}")  # noqa: TRY004  # it is the answer that is wrong
    # In this order: whoever knows operations is not meant to read the others, which are for the rest.
    if (operations := _table(told, "operationSampling")) is not None:
        return _per_operation(operations)
    if (part := _table(told, "probabilisticSampling")) is not None:
        return Probabilistic(_number(part, "samplingRate"))
    if (rate := _table(told, "rateLimitingSampling")) is not None:
        return _rate_limiting(_number(rate, "maxTracesPerSecond"))
    raise ValueError(f"the answer has no strategy: {told!r:.100}")


def _per_operation(told: Mapping[str, Any]) -> Sampler:
    given = told.get("perOperationStrategies")
    strategies = [] if given is None else given
    if not isinstance(strategies, list) or not all(isinstance(one, dict) for one in strategies):
        raise ValueError("perOperationStrategies is no list of strategies")
    return PerOperation(
        default=_number(told, "defaultSamplingProbability"),
        at_least=_number(told, "defaultLowerBoundTracesPerSecond"),
        probabilities={str(one.get("operation", "")): _probability(one) for one in strategies},
    )


def _probability(told: Mapping[str, Any]) -> float:
    return _number(_table(told, "probabilisticSampling") or {}, "samplingRate")


def _rate_limiting(per_second: float) -> Sampler:
    if not per_second:
        return ALWAYS_OFF
    return Annotating(RateLimited(per_second), {"sampler.type": "ratelimiting", "sampler.param": per_second})


def _table(told: Mapping[str, Any], key: str) -> Mapping[str, Any] | None:
    found = told.get(key)
    if found is not None and not isinstance(found, dict):
        raise ValueError(f"{key} is {found!r:.100}")
    return found


def _number(told: Mapping[str, Any], key: str) -> float:
    if (found := told.get(key)) is None:
        return 0
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found < 2**31:
        raise ValueError(f"{key} is {found!r:.100}")
    return float(found)
