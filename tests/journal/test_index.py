import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.journal.index import Index, place_in

stamps = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(st.tuples(stamps, st.integers(0, 2**64 - 1)), max_size=20), st.integers(0, 2**40))
def test_an_index_is_the_same_once_packed_and_unpacked(records, place):
    index = Index()
    for number, (stamp, offset) in enumerate(records, 7):
        index.add(number, stamp, offset)
    packed = index.packed(place)
    again = Index.unpacked(packed)
    assert list(zip(again.stamps, again.offsets, strict=True)) == records
    assert again.first_sequence == (7 if records else 0)
    assert place_in(packed) == place


@given(st.binary(max_size=200))
def test_other_bytes_are_refused_or_read(data):
    with contextlib.suppress(ValueError):
        Index.unpacked(data)


def test_a_part_of_an_index_is_refused():
    index = Index()
    index.add(1, 2, 3)
    with pytest.raises(ValueError, match="length"):
        Index.unpacked(index.packed(9)[:-1])


def test_records_are_in_order_of_their_stamps_and_equal_ones_as_they_came():
    index = Index()
    for number, stamp in enumerate((30, 10, 20, 10), 1):
        index.add(number, stamp, number)
    assert index.in_order() == [1, 3, 2, 0]
    assert (index.first, index.last, len(index)) == (10, 30, 4)


def test_an_empty_index_begins_and_ends_at_zero():
    assert (Index().first, Index().last, place_in(b"")) == (0, 0, 0)
