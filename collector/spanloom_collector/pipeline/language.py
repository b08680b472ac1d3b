"""Stages as a configuration tells them: one table for each, in order. docs/pipeline.md has the language."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from spanloom_collector.pipeline import attribute_stages, span_stages
from spanloom_collector.pipeline.attribute_stages import EVERYTHING, Keys, Scalar
from spanloom_collector.pipeline.entry import Entry
from spanloom_collector.pipeline.stage import Stage
from spanloom_collector.pipeline.where import OWNERS, read_where
from spanloom_model.errors import MisconfiguredError
from spanloom_storage.conditions import Owner

_SHORTEST_SALT: Final = 8
_INT_MOST: Final = 2**63


def read_stages(given: object) -> tuple[Stage, ...]:
    """The stages of a list of tables.

    Raises MisconfiguredError that names the stage, the value and what is allowed.
    """
    if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
        raise MisconfiguredError("stages are tables, each under [[collector.stages]]")
    stages: list[Stage] = []
    for number, one in enumerate(given, 1):
        stages.append(_stage(one, number, {"decode", "encode", *(stage.name for stage in stages)}))
    return tuple(stages)


def _stage(given: Mapping[str, Any], number: int, taken: set[str]) -> Stage:
    do = Entry(f"stage {number}", given).needed("do", str)
    if do not in _READERS:
        raise MisconfiguredError(f"stage {number}: do is {do!r}, none of {', '.join(_READERS)}")
    entry = Entry(f"stage {number} ({do})", given)
    entry.needed("do", str)
    name = entry.optional("name", str, do if do not in taken else f"{do}-{number}")
    if not name or name in taken:
        raise entry.wrong(f"name is {name!r}, which " + ("is taken" if name else "is empty"))
    stage = _READERS[do](entry, name)
    entry.done()
    return stage


def _keys(entry: Entry) -> Keys | None:
    names, pattern = entry.texts("keys"), entry.pattern("key_pattern")
    return Keys(names=frozenset(names), pattern=pattern) if names or pattern else None


def _needed_keys(entry: Entry) -> Keys:
    keys = _keys(entry)
    if keys is None:
        raise entry.wrong("keys or key_pattern is missing")
    return keys


def _of(entry: Entry) -> Sequence[Owner]:
    names = entry.texts("of")
    for name in names:
        if name not in OWNERS:
            raise entry.wrong(f"of has {name!r}, none of {', '.join(OWNERS)}")
    return [OWNERS[name] for name in dict.fromkeys(names)] or EVERYTHING


def _delete(entry: Entry, name: str) -> Stage:
    return attribute_stages.delete(_needed_keys(entry), of=_of(entry), name=name)


def _hash(entry: Entry, name: str) -> Stage:
    salt = entry.needed("salt", str)
    if len(salt) < _SHORTEST_SALT:
        raise entry.wrong(
            f"salt is shorter than {_SHORTEST_SALT} characters; whoever guesses it can undo hashes"
        )
    return attribute_stages.hash_values(_needed_keys(entry), salt=salt, of=_of(entry), name=name)


def _redact(entry: Entry, name: str) -> Stage:
    keys, pattern, mask = _keys(entry), entry.pattern("value_pattern"), entry.optional("with", str, "****")
    if keys is None and not pattern:
        raise entry.wrong("keys, key_pattern or value_pattern is missing")
    try:  # without a pattern the mask stands as it is
        pc.replace_substring_regex(pa.array([""]), pattern, mask if pattern else "")
    except pa.ArrowInvalid as exc:
        raise entry.wrong(f"with is {mask!r}, which does not fit value_pattern: {exc}") from exc
    return attribute_stages.redact(keys, pattern=pattern, mask=mask, of=_of(entry), name=name)


def _rename(entry: Entry, name: str) -> Stage:
    names = entry.needed("keys", dict)
    if not names or not all(type(new) is str and new for new in names.values()):
        raise entry.wrong('keys is not a table from old to new keys, as in { "http.url" = "url.full" }')
    return attribute_stages.rename(names, of=_of(entry), name=name)


def _add_resource(entry: Entry, name: str) -> Stage:
    attributes = entry.needed("attributes", dict)
    if not attributes:
        raise entry.wrong("attributes is empty")
    for key, value in attributes.items():
        if isinstance(value, Mapping):
            raise entry.wrong(f"attributes has {key} with a table; a key with dots stands in quotes")
        if not all(_is_scalar(one) for one in (value if isinstance(value, list) else [value])):
            raise entry.wrong(f"attributes has {key} with {value!r}, no text, number, truth or list of them")
    return attribute_stages.add_resource(
        attributes, overwrite=entry.optional("overwrite", bool, default=False), name=name
    )


def _is_scalar(value: object) -> bool:
    fits = not isinstance(value, int) or -_INT_MOST <= value < _INT_MOST
    return isinstance(value, Scalar) and fits


def _keep(entry: Entry, name: str) -> Stage:
    return span_stages.keep(read_where(entry.needed("where", dict), f"{entry.place}: where"), name=name)


def _drop(entry: Entry, name: str) -> Stage:
    return span_stages.drop(read_where(entry.needed("where", dict), f"{entry.place}: where"), name=name)


def _sample(entry: Entry, name: str) -> Stage:
    probability = entry.needed("probability", float)
    if not 2**-56 <= probability <= 1:
        raise entry.wrong(f"probability is {probability}; it is above 0 and at most 1 (drop takes all out)")
    how = entry.optional("how", str, "proportional")
    if how not in {"proportional", "equalizing"}:
        raise entry.wrong(f"how is {how!r}, neither proportional nor equalizing")
    return span_stages.sample(probability, equalizing=how == "equalizing", name=name)


_READERS: Final[Mapping[str, Callable[[Entry, str], Stage]]] = {
    "delete": _delete,
    "hash": _hash,
    "redact": _redact,
    "rename": _rename,
    "add_resource": _add_resource,
    "keep": _keep,
    "drop": _drop,
    "sample": _sample,
}
