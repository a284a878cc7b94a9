import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.compare.lists import Match, matched
from tests.compare.answers import at_leisure


def match(a, b):
    return matched(a, b, [repr(value) for value in a], [repr(value) for value in b])


@at_leisure
@given(st.lists(st.integers(0, 5)), st.lists(st.integers(0, 5)))
def test_every_element_is_paired_or_left_over_or_equal(a, b):
    found = match(a, b)
    left, right = [i for i, _ in found.pairs], [j for _, j in found.pairs]
    assert len(set(left)) == len(left)
    assert len(set(right)) == len(right)
    rest, others = [a[i] for i in range(len(a)) if i not in left], [b[j] for j in range(len(b)) if j not in right]
    for value in rest:
        if value in others:
            others.remove(value)
    assert len(others) <= max(0, len(b) - len(a)) or others == []


@at_leisure
@given(st.permutations(list(range(6))))
def test_a_permutation_only_changes_the_order(b):
    found = match(list(range(6)), b)
    assert found.pairs == []
    assert (found.order is None) == (b == list(range(6)))


def test_the_order_tells_where_it_begins():
    assert match([1, 2, 3, 4], [1, 2, 4, 3]) == Match([], (2, 2))


def test_an_element_inserted_is_no_other_order():
    assert match([1, 2, 3], [0, 1, 2, 3]) == Match([])


def test_elements_without_an_equal_are_paired_by_place():
    assert match([1, 2, 3, 4], [1, 9, 3, 8]).pairs == [(1, 1), (3, 3)]


def test_repeated_elements_are_counted():
    assert match([0, 0, 1], [0, 1, 1]) == Match([(1, 1)])


def test_objects_are_paired_by_id():
    a, b = [{"id": 1, "v": 1}, {"id": 2, "v": 2}], [{"id": 2, "v": 3}, {"id": 1, "v": 4}]
    assert sorted(match(a, b).pairs) == [(0, 1), (1, 0)]
    assert match(a, b).order == (0, 0)


def test_objects_known_to_be_equal_are_not_paired():
    a, b = [{"id": i, "v": 0} for i in range(4)], [{"id": i, "v": i // 2} for i in range(4)]
    assert match(a, b).pairs == [(2, 2), (3, 3)]


def test_an_id_that_is_replaced_is_a_pair_at_its_place():
    a, b = [{"id": i} for i in (1, 2, 3, 4)], [{"id": i} for i in (1, 7, 3, 8)]
    assert match(a, b) == Match([(1, 1), (3, 3)])


def test_ids_that_only_one_list_has_are_missing_and_extra():
    a, b = [{"id": i} for i in (1, 2, 3, 4)], [{"id": i} for i in (9, 1, 3, 4)]
    assert match(a, b) == Match([], None, [1], [0])


@pytest.mark.parametrize(
    "b",
    [[{"id": 1, "v": 2}, {"id": 1, "v": 3}], [{"id": None, "v": 2}, {"id": 2, "v": 3}], [{"v": 2}, {"v": 3}], [2, 3]],
)
def test_ids_that_do_not_identify_are_not_used(b):
    a = [{"id": 1, "v": 0}, {"id": 2, "v": 1}]
    assert match(a, b).pairs == [(0, 0), (1, 1)]


def test_lists_with_other_ids_are_paired_by_place():
    a, b = [{"id": i} for i in range(4)], [{"id": i + 100} for i in range(4)]
    assert match(a, b).pairs == [(0, 0), (1, 1), (2, 2), (3, 3)]


def test_a_member_that_ends_in_id_identifies_too():
    a, b = [{"order_id": 1, "v": 1}, {"order_id": 2, "v": 1}], [{"order_id": 2, "v": 2}, {"order_id": 1, "v": 2}]
    assert sorted(match(a, b).pairs) == [(0, 1), (1, 0)]


def test_one_and_the_text_1_are_different_ids():
    a, b = [{"id": 1, "v": 1}, {"id": 2, "v": 1}], [{"id": "2", "v": 2}, {"id": "1", "v": 2}]
    assert match(a, b).pairs == [(0, 0), (1, 1)]


def test_without_tokens_there_is_only_the_place_or_the_id():
    assert matched([1, 2], [2, 1, 3], None, None).pairs == [(0, 0), (1, 1)]
    assert matched([{"id": 1}, {"id": 2}], [{"id": 2}, {"id": 1}], None, None).order == (0, 0)
