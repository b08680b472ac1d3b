"""Columns of rows, field by field, as a search or a stage of a pipeline asks for them."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from spanloom_storage.arrays import hexadecimal, interned, texts_array
from spanloom_storage.block import Column, Numbers, Places, Words
from spanloom_storage.conditions import Attribute, Field, Intrinsic, Owner, ValueType
from spanloom_storage.kernels.rows import Owners, Records, Rows
from spanloom_storage.row_attributes import RowAttributes, moved, shared_out
from spanloom_storage.services import services_of


class RowColumns:
    """The columns of spans in rows, each made when it is asked for."""

    def __init__(self, rows: Rows, resources: Owners, scopes: Owners) -> None:
        self._rows = rows
        self._spans = rows.spans[:-1]
        self._resources = resources
        self._scopes = scopes
        self._cache: dict[object, Sequence[Column]] = {}

    @property
    def span_count(self) -> int:
        """How many spans."""
        return len(self._spans)

    def columns(self, field: Field) -> Sequence[Column]:
        """The values of a field."""
        if field not in self._cache:
            self._cache[field] = (
                self._attribute(field) if isinstance(field, Attribute) else self._intrinsic(field)
            )
        return self._cache[field]

    def attributes(self) -> Mapping[tuple[Attribute, ValueType | None], int]:
        """Which attributes there are, and how many values."""
        return {
            (Attribute(owner, key), value_type): count
            for owner, table in self._tables.items()
            for (key, value_type), count in table.counts().items()
        }

    @cached_property
    def _tables(self) -> Mapping[Owner, RowAttributes]:
        rows = self._rows
        return {
            Owner.SPAN: RowAttributes(rows.data, rows.keys, rows.attributes, rows.spans["attributes"]),
            Owner.EVENT: RowAttributes(
                rows.data, rows.keys, rows.event_attributes, rows.events["attributes"]
            ),
            Owner.LINK: RowAttributes(rows.data, rows.keys, rows.link_attributes, rows.links["attributes"]),
            Owner.RESOURCE: owner_table(self._resources),
            Owner.SCOPE: owner_table(self._scopes),
        }

    def _attribute(self, field: Attribute) -> Sequence[Column]:
        found = self._tables[field.owner].columns(field.key)
        match field.owner:
            case Owner.EVENT:
                return moved(found, self._rows.events["span"][:-1])
            case Owner.LINK:
                return moved(found, self._rows.links["span"][:-1])
            case Owner.RESOURCE:
                return shared_out(found, self._spans["resource"], self._resources.begins.size - 1)
            case Owner.SCOPE:
                return shared_out(found, self._spans["scope"], self._scopes.begins.size - 1)
            case _:
                return found

    def _intrinsic(self, field: Intrinsic) -> Sequence[Column]:
        return self._INTRINSICS[field](self)

    def _service(self) -> Sequence[Column]:
        words = services_of(self._resources).dictionary_encode()
        codes = words.indices.to_numpy()[self._spans["resource"]]
        return [Words(rows=None, codes=codes, words=words.dictionary)]

    def _name(self) -> Sequence[Column]:
        words = texts_array(self._rows.data, self._rows.names)
        return [Words(rows=None, codes=self._spans["name"].copy(), words=words)]

    def _text(self, name: str) -> Sequence[Column]:
        """A text that is missing where it is empty."""
        records = self._spans
        rows = np.flatnonzero(records[f"{name}_size"] > 0)
        chosen = records[rows]
        codes, texts = interned(
            self._rows.data, chosen[f"{name}_at"].copy(), chosen[f"{name}_size"].astype(np.int64)
        )
        words = texts_array(self._rows.data, texts)
        return [Words(rows=rows.astype(np.int32), codes=codes, words=words)] if rows.size else ()

    def _number(self, name: str) -> Sequence[Column]:
        return [Numbers(rows=None, values=self._spans[name].copy())]

    def _parent_ids(self) -> Sequence[Column]:
        parent_ids = self._spans["parent_id"]
        rows = np.flatnonzero(parent_ids != 0).astype(np.int32)
        return id_words(rows, [parent_ids[rows]])

    def _duration(self) -> Sequence[Column]:
        spans = self._spans
        duration_ns = (spans["end_ns"] - spans["start_ns"]).view(np.int64)
        return [Numbers(rows=None, values=np.where(spans["end_ns"] != 0, duration_ns, 0))]

    def _event_since_start(self) -> Sequence[Column]:
        events = self._rows.events[:-1]
        known = events["time_ns"] != 0
        spans = events["span"][known]
        since = (events["time_ns"][known] - self._spans["start_ns"][spans]).view(np.int64)
        return [Numbers(rows=spans, values=since)] if since.size else ()

    def _event_name(self) -> Sequence[Column]:
        events = self._rows.events[:-1]
        codes, texts = interned(
            self._rows.data, events["name_at"].copy(), events["name_size"].astype(np.int64)
        )
        words = texts_array(self._rows.data, texts)
        return [Words(rows=events["span"].copy(), codes=codes, words=words)] if len(events) else ()

    def _link_ids(self, *names: str) -> Sequence[Column]:
        links = self._rows.links[:-1]
        present = np.logical_or.reduce([links[name] != 0 for name in names])
        chosen = links[present]
        return id_words(chosen["span"].copy(), [chosen[name] for name in names])

    _INTRINSICS: ClassVar[Mapping[Intrinsic, Callable[["RowColumns"], Sequence[Column]]]] = {
        Intrinsic.SERVICE: _service,
        Intrinsic.NAME: _name,
        Intrinsic.KIND: lambda self: self._number("kind"),
        Intrinsic.STATUS: lambda self: self._number("status_code"),
        Intrinsic.STATUS_MESSAGE: lambda self: self._text("message"),
        Intrinsic.DURATION_NS: _duration,
        Intrinsic.START_NS: lambda self: self._number("start_ns"),
        Intrinsic.SPAN_ID: lambda self: id_words(None, [self._spans["span_id"]]),
        Intrinsic.PARENT_ID: _parent_ids,
        Intrinsic.SCOPE_NAME: lambda self: owner_texts(
            self._scopes, self._scopes.names, self._spans["scope"]
        ),
        Intrinsic.SCOPE_VERSION: lambda self: owner_texts(
            self._scopes, self._scopes.versions, self._spans["scope"]
        ),
        Intrinsic.EVENT_NAME: _event_name,
        Intrinsic.EVENT_SINCE_START_NS: _event_since_start,
        Intrinsic.LINK_TRACE_ID: lambda self: self._link_ids("trace_high", "trace_low"),
        Intrinsic.LINK_SPAN_ID: lambda self: self._link_ids("span_id"),
    }


def owner_table(owners: Owners) -> RowAttributes:
    """The attributes of resources or scopes."""
    return RowAttributes(owners.data, owners.keys, owners.attributes, owners.begins)


def owner_texts(owners: Owners, texts: Records, owner_of_row: Places) -> Sequence[Column]:
    """A text of scopes, such as the name, for the spans that belong to them; missing where it is empty."""
    known = np.flatnonzero(texts["size"] > 0).astype(np.int32)
    if not known.size:
        return ()
    codes, distinct = interned(owners.data, texts["at"][known].copy(), texts["size"][known].copy())
    words = Words(rows=known, codes=codes, words=texts_array(owners.data, distinct))
    return shared_out([words], owner_of_row, len(texts))


def id_words(rows: Places | None, halves: Sequence[npt.NDArray[np.uint64]]) -> Sequence[Column]:
    """Ids as words of hexadecimal digits."""
    if not halves[0].size:
        return ()
    # By rows it takes ten times as long.
    ids, axis = (halves[0], None) if len(halves) == 1 else (np.stack(halves, axis=1), 0)
    distinct, codes = np.unique(ids, axis=axis, return_inverse=True)
    return [
        Words(
            rows=rows,
            codes=codes.ravel().astype(np.int32),
            words=hexadecimal(distinct.reshape(len(distinct), -1)),
        )
    ]
