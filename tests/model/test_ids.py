"""Ids as people paste them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanloom_model.ids import trace_id_from_hex


@given(st.binary(min_size=16, max_size=16).filter(any))
def test_trace_id_reads_back(trace_id: bytes) -> None:
    """An id copied from a page leads back to its trace."""
    assert trace_id_from_hex(f" {trace_id.hex().upper()} ") == trace_id


def test_short_ids_are_filled_with_zeros() -> None:
    """Zipkin's 64-bit trace ids, and ids whose zeros a tool has cut, are found."""
    assert trace_id_from_hex("ab").hex() == "ab".rjust(32, "0")


@pytest.mark.parametrize("text", ["", "0", "0" * 32, "1" * 33, "xyz", "12 34", "-1", "٣", "0x1"])
def test_what_is_no_id_is_said_to_be_none(text: str) -> None:
    """A mistyped id is an answer, not a crash, and never a lookup of something else."""
    with pytest.raises(ValueError, match="a trace id is"):
        trace_id_from_hex(text)
