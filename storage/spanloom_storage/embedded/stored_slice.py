"""A row group of a block's spans, with its events and links, column by column."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from spanloom_storage.block import Column, Numbers, Places, Words
from spanloom_storage.conditions import Attribute, Field, Intrinsic, Owner
from spanloom_storage.embedded.attribute_columns import SUFFIX, column_key, column_name
from spanloom_storage.embedded.parquet import Group
from spanloom_storage.embedded.stored_column import StoredColumn
from spanloom_storage.kernels.decode import decode_owners
from spanloom_storage.kernels.rows import STRING, Owners
from spanloom_storage.row_attributes import RowAttributes, moved, shared_out
from spanloom_storage.row_columns import id_words, owner_table, owner_texts


class StoredSlice:
    """Reads what is asked for, and keeps nothing but the last rest."""

    def __init__(
        self,
        spans: Group,
        events: Group,
        links: Group,
        trace_start_ns: Callable[[], npt.NDArray[np.uint64]],
        owners: Callable[[], Mapping[Owner, Owners]],
    ) -> None:
        self._spans = spans
        self._events = events
        self._links = links
        self._trace_start_ns = trace_start_ns
        self._owners = owners

    @property
    def span_count(self) -> int:
        """How many spans."""
        return self._spans.row_count

    def trace(self) -> Places:
        """Each span's trace."""
        return self._spans.column("trace").of(None, np.int32)

    def parent(self) -> Places:
        """The row of each span's parent."""
        elsewhere = self._spans.column("parent_id").has_value()
        return np.where(elsewhere, np.int32(-2), self._spans.column("parent").of(None, np.int32, -1))

    def ids(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
        """Each span's id and its parent's."""
        span_ids = self._spans.column("span_id").of(None, np.uint64)
        parents = self._spans.column("parent").of(None, np.int64, -1)
        elsewhere = self._spans.column("parent_id").of(None, np.uint64)
        return span_ids, np.where(parents >= 0, span_ids[parents], elsewhere)

    def columns(self, field: Field) -> Sequence[Column]:
        """The values of a field."""
        if isinstance(field, Attribute):
            return self._attribute(field)
        return self._INTRINSICS[field](self)

    def _attribute(self, field: Attribute) -> Sequence[Column]:
        match field.owner:
            case Owner.SPAN:
                return _values(self._spans, field.key)
            case Owner.EVENT:
                return moved(_values(self._events, field.key), self._event_spans)
            case Owner.LINK:
                return moved(_values(self._links, field.key), self._link_spans)
        owners = self._owners()[field.owner]
        name = "resource" if field.owner is Owner.RESOURCE else "scope"
        rows = self._spans.column(name).of(None, np.int32)
        return shared_out(owner_table(owners).columns(field.key), rows, owners.begins.size - 1)

    @cached_property
    def _event_spans(self) -> Places:
        return _owners_of(self._events)

    @cached_property
    def _link_spans(self) -> Places:
        return _owners_of(self._links)

    def _words(self, name: str) -> Sequence[Column]:
        return _column_words(self._spans.column(name))

    def _number(self, name: str) -> Sequence[Column]:
        return [Numbers(rows=None, values=self._spans.column(name).of(None, np.int64))]

    def _start(self) -> Sequence[Column]:
        offset = self._spans.column("start_offset_ns")
        start_ns = self._trace_start_ns()[self.trace()] + offset.of(None, np.int64).view(np.uint64)
        start_ns[~offset.has_value()] = 0
        return [Numbers(rows=None, values=start_ns)]

    def _span_ids(self) -> Sequence[Column]:
        return id_words(None, [self.ids()[0]])

    def _parent_ids(self) -> Sequence[Column]:
        parent_ids = self.ids()[1]
        rows = np.flatnonzero(parent_ids != 0).astype(np.int32)
        return id_words(rows, [parent_ids[rows]])

    def _scope(self, texts: str) -> Sequence[Column]:
        owners = self._owners()[Owner.SCOPE]
        rows = self._spans.column("scope").of(None, np.int32)
        return owner_texts(owners, getattr(owners, texts), rows)

    def _event_name(self) -> Sequence[Column]:
        return (
            moved(_column_words(self._events.column("name")), self._event_spans)
            if self._events.row_count
            else ()
        )

    def _event_since_start(self) -> Sequence[Column]:
        if not self._events.row_count:
            return ()
        return moved(_column_numbers(self._events.column("time_offset_ns")), self._event_spans)

    def _link_ids(self, name: str) -> Sequence[Column]:
        if not self._links.row_count:
            return ()
        column = self._links.column(name)
        spans = self._link_spans if column.rows is None else self._link_spans[column.rows]
        return id_words(spans, list(column.values.reshape(spans.size, -1).T)) if spans.size else ()

    _INTRINSICS: ClassVar[Mapping[Intrinsic, Callable[["StoredSlice"], Sequence[Column]]]] = {
        Intrinsic.SERVICE: lambda self: self._words("service"),
        Intrinsic.NAME: lambda self: self._words("name"),
        Intrinsic.KIND: lambda self: self._number("kind"),
        Intrinsic.STATUS: lambda self: self._number("status_code"),
        Intrinsic.STATUS_MESSAGE: lambda self: self._words("status_message"),
        Intrinsic.DURATION_NS: lambda self: self._number("duration_ns"),
        Intrinsic.START_NS: _start,
        Intrinsic.SPAN_ID: _span_ids,
        Intrinsic.PARENT_ID: _parent_ids,
        Intrinsic.SCOPE_NAME: lambda self: self._scope("names"),
        Intrinsic.SCOPE_VERSION: lambda self: self._scope("versions"),
        Intrinsic.EVENT_NAME: _event_name,
        Intrinsic.EVENT_SINCE_START_NS: _event_since_start,
        Intrinsic.LINK_TRACE_ID: lambda self: self._link_ids("trace_id"),
        Intrinsic.LINK_SPAN_ID: lambda self: self._link_ids("span_id"),
    }


def _values(group: Group, key: str) -> Sequence[Column]:
    """The values of an attribute, of those that have a column and of those in rest."""
    found: list[Column] = []
    if not group.row_count:
        return ()
    for value_type in SUFFIX:
        name = column_name(key, value_type)
        if name not in group.names or column_key(name) != (key, value_type):
            continue  # the column `a:int` is a's ints, never the strings of a key that is called so
        column = group.column(name)
        found += _column_words(column) if value_type == STRING else _column_numbers(column)
    rest = _rest_of(group.column("rest"))
    return [*found, *rest.columns(key)] if rest is not None else found


def _owners_of(group: Group) -> Places:
    """The span of each event or link."""
    return group.column("span").of(None, np.int32) if group.row_count else np.empty(0, np.int32)


def _column_numbers(column: StoredColumn) -> Sequence[Column]:
    return [Numbers(rows=column.rows, values=column.values)] if column.has_values else ()


def _column_words(column: StoredColumn) -> Sequence[Column]:
    return [Words(rows=column.rows, codes=column.values, words=column.words)] if column.has_values else ()


def _rest_of(column: StoredColumn) -> RowAttributes | None:
    """The attributes that have no column, in a row group."""
    if not column.has_values:
        return None
    found = decode_owners(*column.stretches(), owner_tag=0, pair_tag=74)
    return RowAttributes(found.data, found.keys, found.attributes, found.begins)
