"""Other values and other keys for attributes of a draft: each distinct value is looked at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from spanloom_storage.arrays import interned, texts_array
from spanloom_storage.conditions import Owner
from spanloom_storage.draft import Draft, Numbers, Table, WordsOf
from spanloom_storage.kernels.rows import BOOL, DOUBLE, INT, OTHER, STRING

_NUMBER_BYTES: Final = 8


def rewrite_values(table: Table, places: Numbers, words_of: WordsOf) -> None:
    """Give attributes the values that their values become.

    Numbers and truths are asked for as texts, and become strings where they are changed. Of lists and
    maps every value inside is asked for; keys inside stay.
    """
    kinds = table.attributes["key"][places] & 7
    for kind, rewrite in (
        (STRING, _rewrite_strings),
        (BOOL, _rewrite_numbers),
        (INT, _rewrite_numbers),
        (DOUBLE, _rewrite_numbers),
        (OTHER, _rewrite_others),
    ):
        mine = places[kinds == kind]
        if mine.size:
            rewrite(table, mine, words_of)


def rewrite_words(draft: Draft, owner: Owner, field: str, words_of: WordsOf) -> None:
    """The same for what spans and events say outside of attributes: `name` or `message`."""
    codes, words = draft.words(owner, field)
    found = _changed(words, words_of)
    if found is not None:
        new_code, texts = found
        hit = np.flatnonzero(new_code[codes] >= 0)
        draft.put_words(owner, field, hit, new_code[codes[hit]], texts)


def rename(table: Table, names: Mapping[str, str]) -> None:
    """Give attributes other keys. An owner that has the new key already keeps it, and loses the old one."""
    pool = table.pool
    wanted = [name in names for name in pool.names]
    places = table.places(wanted)
    if not places.size:
        return
    target = np.arange(len(pool.names) + len(names), dtype=np.int32)
    for number in np.flatnonzero(wanted).tolist():
        target[number] = pool.number(names[pool.names[number]])
    keys = table.attributes["key"]
    others = places[keys[places] & 7 == OTHER]
    table.attributes["key"][places] = target[keys[places] >> 3] << 3 | keys[places] & 7
    table.changed = True
    if others.size:
        _change_others(table, others, lambda pairs: _renamed(pairs, names))
    table.remove(_doubles(table, places))


def _renamed(pairs: Sequence[KeyValue], names: Mapping[str, str]) -> Iterable[int]:
    for pair in pairs:
        pair.key = names[pair.key]
    return range(len(pairs))


def _doubles(table: Table, renamed: Numbers) -> Numbers:
    """Which of the renamed attributes have a key that their owner has already."""
    numbers = table.attributes["key"] >> 3
    is_target = np.zeros(int(numbers.max()) + 1, np.bool_)
    is_target[numbers[renamed]] = True
    rivals = np.flatnonzero(is_target[numbers])
    if rivals.size == np.unique(numbers[rivals].astype(np.int64) << 32 | table.owners()[rivals]).size:
        return np.empty(0, np.int64)
    is_renamed = np.zeros(len(table.attributes), np.bool_)
    is_renamed[renamed] = True
    order = rivals[np.lexsort((rivals, is_renamed[rivals], table.owners()[rivals], numbers[rivals]))]
    owners, keys = table.owners()[order], numbers[order]
    repeats = np.zeros(order.size, np.bool_)
    repeats[1:] = (owners[1:] == owners[:-1]) & (keys[1:] == keys[:-1])
    return np.sort(order[repeats & is_renamed[order]])


def _changed(words: Any, words_of: WordsOf) -> tuple[Numbers, Sequence[bytes]] | None:
    """(for each word which new text it becomes, or -1; the new texts); None where all stay."""
    new = words_of(words)
    differ = pc.not_equal(words, new)
    count = pc.sum(differ).as_py()
    if not count:
        return None
    is_new = differ.to_numpy(zero_copy_only=False)
    new_code = np.where(is_new, np.cumsum(is_new) - 1, -1)
    return new_code, new.filter(differ).cast(pa.binary()).to_pylist()


def _put(
    table: Table, places: Numbers, codes: Numbers, found: tuple[Numbers, Sequence[bytes]] | None, kind: int
) -> None:
    if found is None:
        return
    new_code, texts = found
    hit = np.flatnonzero(new_code[codes] >= 0)
    table.put(places[hit], new_code[codes[hit]], table.pool.put(texts), kind)


def _rewrite_strings(table: Table, places: Numbers, words_of: WordsOf) -> None:
    values = table.attributes[places]
    codes, texts = interned(table.pool.data, values["value"].copy(), values["size"].astype(np.int64))
    _put(table, places, codes, _changed(texts_array(table.pool.data, texts), words_of), STRING)


def _rewrite_numbers(table: Table, places: Numbers, words_of: WordsOf) -> None:
    values = table.attributes["value"][places]
    kind = int(table.attributes["key"][places[0]] & 7)
    ats = np.arange(values.size) * _NUMBER_BYTES
    codes, texts = interned(values.view(np.uint8), ats, np.full(values.size, _NUMBER_BYTES))
    distinct = values[texts["at"] // _NUMBER_BYTES]
    if kind == DOUBLE:
        distinct = distinct.view(np.float64)
    numbers = (distinct != 0).tolist() if kind == BOOL else distinct.tolist()
    _put(table, places, codes, _changed(pa.array(map(text_of, numbers), pa.string()), words_of), STRING)


def _rewrite_others(table: Table, places: Numbers, words_of: WordsOf) -> None:
    def change(pairs: Sequence[KeyValue]) -> Iterable[int]:
        leaves = [(number, *leaf) for number, pair in enumerate(pairs) for leaf in _leaves(pair.value)]
        # All texts at once: a call for each value would take ten times as long as the value.
        found = _changed(pa.array([text for _, _, text in leaves], pa.string()), words_of)
        if found is None:
            return ()
        new_code, texts = found
        hit = np.flatnonzero(new_code >= 0).tolist()
        for place in hit:
            leaves[place][1].string_value = texts[new_code[place]].decode()
        return dict.fromkeys(leaves[place][0] for place in hit)

    _change_others(table, places, change)


def _change_others(
    table: Table, places: Numbers, change: Callable[[Sequence[KeyValue]], Iterable[int]]
) -> None:
    """Let values of no column be changed as the messages that they are; *change* tells which it has."""
    values = table.attributes[places]
    codes, texts = interned(table.pool.data, values["value"].copy(), values["size"].astype(np.int64))
    pairs = [KeyValue.FromString(table.pool.data[at : at + size].tobytes()) for at, size in texts.tolist()]
    changed = list(change(pairs))
    if changed:
        new_code = np.full(len(pairs), -1)
        new_code[changed] = np.arange(len(changed))
        messages = [pairs[number].SerializeToString() for number in changed]
        _put(table, places, codes, (new_code, messages), OTHER)


def _leaves(value: AnyValue) -> Iterator[tuple[AnyValue, str]]:
    """Each value that is no list and no map, with its text."""
    match kind := value.WhichOneof("value"):
        case "array_value":
            for one in value.array_value.values:
                yield from _leaves(one)
        case "kvlist_value":
            for pair in value.kvlist_value.values:
                yield from _leaves(pair.value)
        case None:
            return
        case _:
            yield value, text_of(getattr(value, kind))


def text_of(value: object) -> str:
    """A scalar as people read it: bytes as the text that they are, or else as hexadecimal digits."""
    match value:
        case bool():
            return "true" if value else "false"
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                return value.hex()
        case _:
            return str(value)
