"""Samplers chosen by what a span is: the first rule that fits (OpenTelemetry's ComposableRuleBased)."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from fnmatch import translate
from typing import Literal, TypeAlias, get_args

from opentelemetry.trace import SpanKind
from opentelemetry.util.types import Attributes

from spanloom_instrumentation.sampling.sampler import Intent, Sampler, Start
from spanloom_instrumentation.sampling.samplers import ALWAYS_OFF

Patterns: TypeAlias = str | Collection[str]
"""One of them fits: `*` is any text, `?` any character, all else is itself."""

Parent: TypeAlias = Literal["none", "local", "remote"]
"""Whether a span is a root, or where its parent is."""

_Fits: TypeAlias = Callable[[str], object]


class Rule:
    """Which sampler is asked about spans of which all is true that is said here.

    Only what is known of a span when it starts can be looked at. Attributes are compared as text,
    lists by each of their values; a span that has not got the attribute does not fit. *when* is a
    condition of your own; it must not look at the trace's id, or thresholds would mean nothing.
    """

    def __init__(  # noqa: PLR0913  # by name, and each with a default
        self,
        sampler: Sampler,
        *,
        name: Patterns | None = None,
        attributes: Mapping[str, Patterns] | None = None,
        kinds: Collection[SpanKind] | None = None,
        parents: Collection[Parent] | None = None,
        when: Callable[[Start], bool] | None = None,
    ) -> None:
        if parents is not None and not set(parents) <= set(get_args(Parent)):
            raise ValueError(f"a parent is one of {get_args(Parent)}, not {parents}")
        self.sampler = sampler
        self._name = None if name is None else _fitting(name)
        self._attributes = [(key, _fitting(patterns)) for key, patterns in (attributes or {}).items()]
        self._kinds = kinds
        self._parents = parents
        self._when = when
        said = {"name": name, "attributes": attributes, "kinds": kinds, "parents": parents, "when": when}
        self._said = ",".join(f"{key}={value}" for key, value in said.items() if value is not None)

    def fits(self, start: Start) -> bool:
        """Whether all of it is true."""
        return (
            (self._name is None or bool(self._name(start.name)))
            and (self._kinds is None or start.kind in self._kinds)
            and (self._parents is None or _parent(start) in self._parents)
            and all(_has(start.attributes, key, fits) for key, fits in self._attributes)
            and (self._when is None or self._when(start))
        )

    def __str__(self) -> str:
        return f"({self._said}:{self.sampler})"


class RuleBased:
    """Wants what the sampler of the first rule that fits wants; where none fits, as *otherwise*."""

    follows_parent = False

    def __init__(self, rules: Sequence[Rule], *, otherwise: Sampler = ALWAYS_OFF) -> None:
        self._rules = (*rules, Rule(otherwise))

    def intent(self, start: Start) -> Intent:
        """That sampler's."""
        return next(rule for rule in self._rules if rule.fits(start)).sampler.intent(start)

    def shutdown(self) -> None:
        """All samplers'."""
        for rule in self._rules:
            rule.sampler.shutdown()

    def __str__(self) -> str:
        return f"RuleBased{{{','.join(map(str, self._rules))}}}"


def _fitting(patterns: Patterns) -> _Fits:
    """A function that finds out whether a text fits one of the patterns, in time linear in the text."""
    several = [patterns] if isinstance(patterns, str) else patterns
    # Brackets mean something to fnmatch, and nothing here.
    return re.compile("|".join(translate(one.replace("[", "[[]")) for one in several) or r"(?!)").match


def _parent(start: Start) -> Parent:
    if start.parent is None:
        return "none"
    return "remote" if start.parent.is_remote else "local"


def _has(attributes: Attributes, key: str, fits: _Fits) -> bool:
    if not attributes or key not in attributes:
        return False
    value = attributes[key]
    several = value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else (value,)
    return any(fits(str(one).lower() if isinstance(one, bool) else str(one)) for one in several)
