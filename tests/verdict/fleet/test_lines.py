import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.verdict.court import BUCKETS, RouteSums
from httptee.verdict.fleet import lines

counts = st.integers(0, 2**40)
histograms = st.lists(counts, max_size=BUCKETS).map(lambda found: tuple(found + [0] * (BUCKETS - len(found))))
sums = st.builds(RouteSums, *[counts] * len(lines.COUNTS), histograms, histograms)


@given(sums)
def test_a_row_holds_all_counts(one):
    assert lines.sums_of([lines.read(lines.written(lines.line_of(one)))]) == one


@given(sums, sums)
def test_rows_add_up_as_counts_do(one, other):
    assert lines.sums_of([lines.line_of(one), lines.line_of(other)]) == one + other


@pytest.mark.parametrize("found", [None, [1], [1, "2"], [-1, 2], [lines.WIDTH, 1], [0, -1], "ab", [0, True]])
def test_what_is_no_row_is_refused(found):
    with pytest.raises(ValueError, match="damaged"):
        lines.read(found)
