"""Stages that change attributes: delete, hash, redact, rename, add."""

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue

from spanloom_collector.pipeline.stage import Stage
from spanloom_storage import rewriting
from spanloom_storage.conditions import Owner
from spanloom_storage.draft import Draft, Pool, Table
from spanloom_storage.kernels.rows import ATTRIBUTE, BOOL, DOUBLE, INT, OTHER, STRING, Records

EVERYTHING: Final = (Owner.SPAN, Owner.EVENT, Owner.LINK, Owner.RESOURCE, Owner.SCOPE)
_WORDS: Final = {Owner.SPAN: ("name", "message"), Owner.EVENT: ("name",)}
"""What could say something secret besides attributes."""
_HASH_DIGITS: Final = 32

Scalar = str | bool | int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Which attributes: those with one of the names, and those whose key has the pattern in it."""

    names: frozenset[str] = frozenset()
    pattern: str = ""
    """RE2; empty for none."""

    def places(self, table: Table) -> Any:
        """Where in a table they are."""
        found = np.array([name in self.names for name in table.pool.names], np.bool_)
        if self.pattern:
            like = pc.match_substring_regex(pa.array(table.pool.names, pa.string()), self.pattern)
            found |= like.to_numpy(zero_copy_only=False)
        return table.places(found)


def delete(keys: Keys, *, of: Sequence[Owner] = EVERYTHING, name: str = "delete") -> Stage:
    """Take attributes out."""

    def change(draft: Draft) -> None:
        for table, places in _chosen(draft, keys, of):
            table.remove(places)

    return Stage(name=name, change=change)


def hash_values(keys: Keys, *, salt: str, of: Sequence[Owner] = EVERYTHING, name: str = "hash") -> Stage:
    """Give attributes the first half of their values' HMAC-SHA-256: equal values stay equal, unreadably."""
    secret = salt.encode()

    def hashes(words: Any) -> Any:
        texts = words.cast(pa.binary()).to_pylist()
        return pa.array(
            [hmac.digest(secret, text, "sha256").hex()[:_HASH_DIGITS] for text in texts], pa.string()
        )

    def change(draft: Draft) -> None:
        for table, places in _chosen(draft, keys, of):
            rewriting.rewrite_values(table, places, hashes)

    return Stage(name=name, change=change)


def redact(
    keys: Keys | None,
    *,
    pattern: str = "",
    mask: str,
    of: Sequence[Owner] = EVERYTHING,
    name: str = "redact",
) -> Stage:
    """Put a mask over values, or over what in them has a pattern.

    Without keys over all attributes, and the names and status messages of spans and events too.
    """

    def masked(words: Any) -> Any:
        if pattern:
            return pc.replace_substring_regex(words, pattern, mask)
        return pa.array([mask] * len(words), pa.string())

    def change(draft: Draft) -> None:
        if keys is not None:
            for table, places in _chosen(draft, keys, of):
                rewriting.rewrite_values(table, places, masked)
            return
        for table in draft.tables(of):
            rewriting.rewrite_values(table, np.arange(len(table.attributes)), masked)
        for owner in of:
            for field in _WORDS.get(owner, ()):
                rewriting.rewrite_words(draft, owner, field, masked)

    return Stage(name=name, change=change)


def rename(names: Mapping[str, str], *, of: Sequence[Owner] = EVERYTHING, name: str = "rename") -> Stage:
    """Give attributes other keys; whoever has the new one already keeps that, and loses the old one."""

    def change(draft: Draft) -> None:
        for table in draft.tables(of):
            rewriting.rename(table, names)

    return Stage(name=name, change=change)


def add_resource(
    attributes: Mapping[str, Scalar | Sequence[Scalar]],
    *,
    overwrite: bool = False,
    name: str = "add_resource",
) -> Stage:
    """Say more about resources; what they say themselves stays, unless it is to be overwritten."""

    def change(draft: Draft) -> None:
        table = draft.table(Owner.RESOURCE)
        for key, value in attributes.items():
            there = Keys(names=frozenset((key,))).places(table)
            if overwrite:
                table.remove(there)
                owners = np.arange(table.begins.size - 1)
            else:
                owners = np.setdiff1d(np.arange(table.begins.size - 1), table.owners()[there])
            if owners.size:
                table.insert(owners, _record(table.pool, key, value))

    return Stage(name=name, change=change)


def _chosen(draft: Draft, keys: Keys, of: Sequence[Owner]) -> Iterator[tuple[Table, Any]]:
    for table in draft.tables(of):
        places = keys.places(table)
        if places.size:
            yield table, places


def _record(pool: Pool, key: str, value: Scalar | Sequence[Scalar]) -> Records:
    """One attribute, as rows have it."""
    kind, number, text = _told(key, value)
    record = np.zeros(1, ATTRIBUTE)
    record["key"] = pool.number(key) << 3 | kind
    record["value"] = number
    if kind in {STRING, OTHER}:
        place = pool.put([text])
        record["value"], record["size"] = place["at"], place["size"]
    return record


def _told(key: str, value: Scalar | Sequence[Scalar]) -> tuple[int, int, bytes]:
    match value:
        case str():
            return STRING, 0, value.encode()
        case bool():
            return BOOL, int(value), b""
        case int():
            return INT, value, b""
        case float():
            return DOUBLE, int(np.float64(value).view(np.int64)), b""
        case _:
            values = ArrayValue(values=[_any(one) for one in value])
            message = KeyValue(key=key, value=AnyValue(array_value=values))
            return OTHER, 0, message.SerializeToString()


def _any(value: Scalar) -> AnyValue:
    match value:
        case str():
            return AnyValue(string_value=value)
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case _:
            return AnyValue(double_value=value)
