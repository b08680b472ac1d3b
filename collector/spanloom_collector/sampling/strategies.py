"""Strategies of all services, from a file in Jaeger's format.

    {"default_strategy": {"type": "probabilistic", "param": 0.5},
     "service_strategies": [{"service": "shop", "type": "ratelimiting", "param": 5}]}

What Jaeger's own file provider does with a file, this does (internal/sampling/samplingstrategy/file).
"""

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from spanloom_collector.sampling.strategy import OperationStrategies, OperationStrategy, Strategy
from spanloom_model.errors import MisconfiguredError

_INT32: Final = 2**31

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategies:
    """Who should sample how."""

    default: Strategy
    by_service: Mapping[str, Strategy] = field(default_factory=dict)

    def strategy_for(self, service: str) -> Strategy:
        """A service's own strategy, or the default."""
        return self.by_service.get(service, self.default)


def read_strategies(data: bytes, *, default_probability: float) -> Strategies:
    """Strategies from JSON; raises MisconfiguredError where it is not in the format."""
    try:
        given = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise MisconfiguredError(f"the sampling strategies are not JSON: {exc}") from exc
    reader = _Reader(default_probability)
    told = reader.table(given if given is not None else {}, "the sampling strategies")
    default = Strategy(probability=default_probability)
    if told.get("default_strategy") is not None:
        default = reader.service(told["default_strategy"], "default_strategy")
    services: dict[str, Strategy] = {}
    for number, one in enumerate(reader.tables(told, "service_strategies", "the sampling strategies")):
        place = f"service_strategies[{number}]"
        services[reader.text(one, "service", place)] = _merged(reader.service(one, place), default)
    return Strategies(default=default, by_service=services)


def _merged(own: Strategy, default: Strategy) -> Strategy:
    """With the default's operations, but for those that the service has itself."""
    if default.operations is None:
        return own
    if own.operations is None:
        first = default.operations.default_probability if own.probability is None else own.probability
        return replace(own, operations=replace(default.operations, default_probability=first))
    names = {one.operation for one in own.operations.operations}
    more = tuple(one for one in default.operations.operations if one.operation not in names)
    return replace(own, operations=replace(own.operations, operations=(*own.operations.operations, *more)))


@dataclass(frozen=True, slots=True)
class _Reader:
    default_probability: float

    def service(self, given: object, place: str) -> Strategy:
        """The strategy of a service, or of all others."""
        told = self.table(given, place)
        strategy = self.strategy(told, place)
        given_operations = self.tables(told, "operation_strategies", place)
        if not given_operations:
            return strategy
        default = self.default_probability if strategy.probability is None else strategy.probability
        operations = [
            operation
            for number, one in enumerate(given_operations)
            if (operation := self.operation(one, f"{place}: operation_strategies[{number}]")) is not None
        ]
        return replace(
            strategy,
            operations=OperationStrategies(default_probability=default, operations=tuple(operations)),
        )

    def operation(self, told: Mapping[str, Any], place: str) -> OperationStrategy | None:
        """An operation's; None, and a warning, where it has none that samplers know for operations."""
        name = self.text(told, "operation", place)
        probability = self.strategy(told, place).probability
        if probability is None:
            _log.warning("%s: %r is left out, as operations are probabilistic only", place, name)
            return None
        return OperationStrategy(operation=name, probability=probability)

    def strategy(self, told: Mapping[str, Any], place: str) -> Strategy:
        """By type and param; the default's probability, and a warning, for another type."""
        kind, param = self.text(told, "type", place), told.get("param")
        number = 0 if param is None else param
        is_number = isinstance(number, int | float) and not isinstance(number, bool)
        if not is_number or not -math.inf < number < math.inf:
            raise MisconfiguredError(f"{place}: param is {number!r}, not a number")
        match kind:
            case "probabilistic" if 0 <= number <= 1:
                return Strategy(probability=float(number))
            case "probabilistic":
                raise MisconfiguredError(f"{place}: param is {number}, not a probability from 0 to 1")
            case "ratelimiting":
                return Strategy(max_traces_per_second=min(max(int(number), -_INT32), _INT32 - 1))
        _log.warning("%s: type is %r, so the default probability is taken", place, kind)
        return Strategy(probability=self.default_probability)

    def table(self, given: object, place: str) -> Mapping[str, Any]:
        """A JSON object."""
        if not isinstance(given, dict):
            raise MisconfiguredError(f"{place}: {str(given)[:60]!r} is not an object")
        return given

    def tables(self, told: Mapping[str, Any], name: str, place: str) -> Sequence[Mapping[str, Any]]:
        """A list of JSON objects; empty where it is not there."""
        found = told.get(name)
        if found is None:
            return ()
        if not isinstance(found, list):
            raise MisconfiguredError(f"{place}: {name} is not a list")
        return [self.table(one, f"{place}: {name}[{number}]") for number, one in enumerate(found)]

    def text(self, told: Mapping[str, Any], name: str, place: str) -> str:
        """A JSON string; empty where it is not there."""
        found = told.get(name)
        if found is not None and not isinstance(found, str):
            raise MisconfiguredError(f"{place}: {name} is {found!r}, not a string")
        return found or ""
