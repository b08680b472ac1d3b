"""Spans between two requests: decoded once, changed as columns, encoded once."""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from spanloom_storage import otlp
from spanloom_storage.arrays import interned, texts_array
from spanloom_storage.batch import SpanRequest
from spanloom_storage.block import Mask
from spanloom_storage.conditions import Owner
from spanloom_storage.kernels.decode import decode_owners
from spanloom_storage.kernels.enclose import enclose, replace_pairs
from spanloom_storage.kernels.rows import TEXT, Bytes, Owners, Records, Rows
from spanloom_storage.row_columns import RowColumns

PAIR_TAGS: Final = {Owner.RESOURCE: 10, Owner.SCOPE: 26}
"""The tag of attributes in what is shared by many spans."""

Numbers: TypeAlias = npt.NDArray[np.integer[Any]]
"""Which rows, attributes or codes."""

WordsOf: TypeAlias = Callable[[Any], Any]
"""From an Arrow array of distinct strings to as many others, some of them the same."""


class Pool:
    """Texts that rows refer to: bytes that only grow, so that places stay true, and the keys among them."""

    def __init__(self, data: Bytes, keys: Records) -> None:
        self._bytes, self._size = data, data.size
        self.keys = keys

    @property
    def data(self) -> Bytes:
        """All bytes."""
        return self._bytes[: self._size]

    @cached_property
    def names(self) -> list[str]:
        """The keys by number. No key is there twice, but some may not be used."""
        found: list[str] = texts_array(self.data, self.keys).to_pylist()
        return found

    def number(self, name: str) -> int:
        """A key's number, a new one where it is new."""
        if name not in self.names:
            self.keys = np.concatenate([self.keys, self.put([name.encode()])])
            self.names.append(name)
        return self.names.index(name)

    def put(self, texts: Sequence[bytes]) -> Records:
        """Add texts; where they are."""
        places = np.empty(len(texts), TEXT)
        places["size"] = [len(text) for text in texts]
        places["at"] = self._size + np.cumsum(places["size"]) - places["size"]
        joined = b"".join(texts)
        if joined:
            end = self._size + len(joined)
            if end > self._bytes.size:
                grown = np.empty(2 * end, np.uint8)
                grown[: self._size] = self.data
                self._bytes = grown
            self._bytes[self._size : end] = np.frombuffer(joined, np.uint8)
            self._size = end
        return places


class Table:
    """The attributes of all owners of one kind, such as spans or resources."""

    def __init__(self, pool: Pool, attributes: Records, begins: npt.NDArray[np.int64]) -> None:
        self.pool = pool
        self.attributes = attributes
        self.begins = begins
        """The first attribute of each owner, and the last one's end."""
        self.changed = False

    def places(self, wanted: Sequence[bool] | Mask) -> Numbers:
        """Which attributes have one of the keys, told by number."""
        if not any(wanted) or not len(self.attributes):
            return np.empty(0, np.int64)
        return np.flatnonzero(np.asarray(wanted, np.bool_)[self.attributes["key"] >> 3])

    def owners(self) -> Numbers:
        """Whose each attribute is."""
        return np.repeat(np.arange(self.begins.size - 1), np.diff(self.begins))

    def remove(self, places: Numbers) -> None:
        """Take attributes out."""
        if places.size:
            kept = np.ones(len(self.attributes), np.bool_)
            kept[places] = False
            self._only(kept, self.begins)

    def keep(self, owners: Mask) -> None:
        """Take all attributes of the other owners out, and these owners too."""
        begins = self.begins[np.append(owners, True)]  # the end of the last one
        self._only(np.repeat(owners, np.diff(self.begins)), begins)

    def insert(self, owners: Numbers, added: Records) -> None:
        """Give each of some owners all of these attributes, behind those that it has."""
        ends = self.begins[owners + 1]
        counts = np.zeros(self.begins.size, np.int64)
        counts[owners + 1] = len(added)
        self.attributes = np.insert(self.attributes, np.repeat(ends, len(added)), np.tile(added, owners.size))
        self.begins = self.begins + np.cumsum(counts)
        self.changed = True

    def put(self, places: Numbers, codes: Numbers, texts: Records, kind: int) -> None:
        """Give attributes other values, by their codes: texts of the pool, of a type."""
        self.attributes["value"][places] = texts["at"][codes]
        self.attributes["size"][places] = texts["size"][codes]
        self.attributes["key"][places] = self.attributes["key"][places] & ~7 | kind
        self.changed = True

    def _only(self, kept: Mask, begins: npt.NDArray[np.int64]) -> None:
        self.begins = _counts_before(kept)[begins]
        self.attributes = self.attributes[kept]
        self.changed = True


class Draft:
    """The spans of a request, to be changed in place."""

    def __init__(self, request: SpanRequest) -> None:
        self._request = request
        self._rows = rows = otlp.rows_of(request)
        self._pool = pool = Pool(rows.data, rows.keys)
        self._tables = {
            Owner.SPAN: Table(pool, rows.attributes, rows.spans["attributes"].copy()),
            Owner.EVENT: Table(pool, rows.event_attributes, rows.events["attributes"].copy()),
            Owner.LINK: Table(pool, rows.link_attributes, rows.links["attributes"].copy()),
        }
        self._owners: dict[Owner, Owners] = {}
        self._changed = False

    @property
    def span_count(self) -> int:
        """How many spans there are still."""
        return len(self._rows.spans) - 1

    @property
    def spans(self) -> Records:
        """The rows of spans; their texts are changed by `put_words` only."""
        return self._rows.spans[:-1]

    def table(self, owner: Owner) -> Table:
        """The attributes of spans, events, links, resources or scopes."""
        if owner not in self._tables:
            known = self._known(owner)
            self._tables[owner] = Table(Pool(known.data, known.keys), known.attributes, known.begins)
        return self._tables[owner]

    def tables(self, owners: Iterable[Owner]) -> Iterable[Table]:
        """Those of them that have attributes at all."""
        return (table for table in map(self.table, owners) if len(table.attributes))

    def words(self, owner: Owner, field: str) -> tuple[Numbers, Any]:
        """(each span's or event's code, the distinct texts) of its `name`, `message` or `trace_state`."""
        records = self._records(owner)
        codes, texts = interned(
            self._pool.data, records[f"{field}_at"].copy(), records[f"{field}_size"].astype(np.int64)
        )
        return codes, texts_array(self._pool.data, texts)

    def put_words(
        self, owner: Owner, field: str, rows: Numbers, codes: Numbers, words: Sequence[bytes]
    ) -> None:
        """Give some of them other texts, by code."""
        records, texts = self._records(owner), self._pool.put(words)
        records[f"{field}_at"][rows] = texts["at"][codes]
        records[f"{field}_size"][rows] = texts["size"][codes]
        if (owner, field) == (Owner.SPAN, "name"):
            sizes = records["name_size"].astype(np.int64)
            records["name"], names = interned(self._pool.data, records["name_at"].copy(), sizes)
            self._rows = self._rows._replace(names=names)
        self._changed = True

    def columns(self) -> RowColumns:
        """The columns as they are now, for conditions."""
        return RowColumns(self._told(), self._now(Owner.RESOURCE), self._now(Owner.SCOPE))

    def keep(self, kept: Mask) -> None:
        """Take the other spans out."""
        if kept.all():
            return
        rows, whole = self._rows, np.append(kept, True)  # the end of the last one
        spans = rows.spans[whole]
        events, spans["events"], kept_events = _kept_parts(rows.events, rows.spans["events"][whole], kept)
        links, spans["links"], kept_links = _kept_parts(rows.links, rows.spans["links"][whole], kept)
        self._rows = rows._replace(spans=spans, events=events, links=links)
        self._tables[Owner.SPAN].keep(kept)
        self._tables[Owner.EVENT].keep(kept_events)
        self._tables[Owner.LINK].keep(kept_links)
        self._changed = True

    def request(self) -> SpanRequest:
        """The spans as a request; byte for byte the one that came where nothing was changed."""
        if not self._changed and not any(table.changed for table in self._tables.values()):
            return self._request
        return SpanRequest(enclose(self.rows()).tobytes(), self.span_count)

    def rows(self) -> Rows:
        """The spans as rows."""
        rows = self._told()
        if self._is_changed(Owner.RESOURCE):
            found = self._replaced(Owner.RESOURCE, rows.resources, rows.resource_ends)
            rows = rows._replace(resources=found[0], resource_ends=found[1])
        if self._is_changed(Owner.SCOPE):
            found = self._replaced(Owner.SCOPE, rows.scopes, rows.scope_ends)
            rows = rows._replace(scopes=found[0], scope_ends=found[1])
        return rows

    def _told(self) -> Rows:
        """The rows with what their tables say now, but for resources and scopes."""
        rows, tables = self._rows, self._tables
        for records, owner in (
            (rows.spans, Owner.SPAN),
            (rows.events, Owner.EVENT),
            (rows.links, Owner.LINK),
        ):
            records["attributes"] = tables[owner].begins
        return rows._replace(
            data=self._pool.data,
            keys=self._pool.keys,
            attributes=tables[Owner.SPAN].attributes,
            event_attributes=tables[Owner.EVENT].attributes,
            link_attributes=tables[Owner.LINK].attributes,
        )

    def _records(self, owner: Owner) -> Records:
        return (self._rows.spans if owner is Owner.SPAN else self._rows.events)[:-1]

    def _known(self, owner: Owner) -> Owners:
        """What resources or scopes said when they came."""
        if owner not in self._owners:
            of_resource = owner is Owner.RESOURCE
            messages = self._rows.resources if of_resource else self._rows.scopes
            ends = self._rows.resource_ends if of_resource else self._rows.scope_ends
            self._owners[owner] = decode_owners(messages, ends, pair_tag=PAIR_TAGS[owner])
        return self._owners[owner]

    def _now(self, owner: Owner) -> Owners:
        known = self._known(owner)
        if not self._is_changed(owner):
            return known
        table = self._tables[owner]
        return known._replace(
            data=table.pool.data, keys=table.pool.keys, attributes=table.attributes, begins=table.begins
        )

    def _is_changed(self, owner: Owner) -> bool:
        return owner in self._tables and self._tables[owner].changed

    def _replaced(
        self, owner: Owner, messages: Bytes, ends: npt.NDArray[np.int64]
    ) -> tuple[Bytes, npt.NDArray[np.int64]]:
        return replace_pairs(messages, ends, self._now(owner), pair_tag=PAIR_TAGS[owner])


def _kept_parts(
    parts: Records, begins: npt.NDArray[np.int32], kept: Mask
) -> tuple[Records, npt.NDArray[np.int64], Mask]:
    """(the events or links of kept spans, where those of each span begin, which they were)."""
    mine = kept[parts["span"][:-1]]
    chosen = parts[np.append(mine, True)]  # the end of the last one
    chosen["span"][:-1] = _counts_before(kept)[chosen["span"][:-1]]
    return chosen, _counts_before(mine)[begins], mine


def _counts_before(kept: Mask) -> npt.NDArray[np.int64]:
    """How many are kept before each place, and in all."""
    counts = np.zeros(kept.size + 1, np.int64)
    np.cumsum(kept, out=counts[1:])
    return counts
