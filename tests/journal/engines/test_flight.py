import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.journal.engines.flight import Flight, Step, order
from httptee.journal.engines.numbers import Mark


def nothing_gone():
    return {}


def flying(*numbers, low="0", marks=None, done=None):
    flight = Flight(0, low, marks or {}, done or {})
    for number in numbers:
        flight.take(str(number), "w", Mark(number, 10 * number), nothing_gone)
    return flight


def test_places_are_compared_by_their_numbers():
    assert order("9-2") < order("10-1") < order("10-11")
    assert order("9") < order("10")


def test_what_is_settled_in_turn_moves_the_low_mark():
    flight = flying(1, 2, 3)
    assert flight.settle(["1", "2"]) == Step("2", {"w": Mark(2, 20)})
    assert flight.unsettled == 1


def test_what_is_settled_out_of_turn_waits_beyond_the_low_mark():
    flight = flying(1, 2, 3)
    assert flight.settle(["2"]) == Step("", {}, {"2": ("w", Mark(2, 20))})
    flight.stored()
    assert flight.settle(["1"]) == Step("2", {"w": Mark(2, 20)}, {}, ("2",))


def test_a_step_that_was_not_stored_comes_again():
    flight = flying(1, 2, 3, 4)
    flight.settle(["1"])
    flight.settle(["3"])
    assert flight.settle(["2"]) == Step("3", {"w": Mark(3, 30)})
    flight.stored()
    assert flight.settle() is None


def test_what_is_settled_twice_or_unknown_changes_nothing():
    flight = flying(1)
    flight.settle(["1"])
    flight.stored()
    assert flight.settle(["1", "7"]) is None


def test_everything_up_to_a_place_is_settled():
    flight = flying(1, 2, 3, 4)
    assert flight.settle_up_to("3").low == "3"
    flight.stored()
    assert flight.settle_up_to("") is None
    assert flight.unsettled == 1


def test_what_an_owner_before_had_settled_is_not_handed_out_again():
    flight = Flight(0, "1", {"w": Mark(1, 10)}, {"3": ("w", Mark(3, 30))})
    handed = [number for number in (2, 3, 4) if flight.take(str(number), "w", Mark(number, 0), nothing_gone)]
    assert handed == [2, 4]
    assert flight.settle(["2"]) == Step("3", {"w": Mark(3, 30)}, {}, ("3",))


def test_what_was_settled_and_removed_is_not_missing():
    flight = flying(2, 5, low="1", marks={"w": Mark(1, 10)}, done={"3": ("w", Mark(3, 30)), "4": ("w", Mark(4, 40))})
    assert flight.missing == []


def test_what_never_came_is_missing_once():
    flight = flying(1, 4, 4, 5)
    (missing,) = flight.missing
    assert (missing.first, missing.last, missing.since, missing.until) == (2, 3, 10, 40)


def test_a_repetition_is_passed_over():
    flight = Flight(0, "0", {}, {})
    assert flight.take("1", "w", Mark(1, 10), nothing_gone)
    assert not flight.take("2", "w", Mark(1, 10), nothing_gone)
    assert flight.settle(["1"]).low == "2"


def test_a_repetition_does_not_turn_the_numbers_back():
    flight = flying(1, 2)
    flight.settle(["1", "2"])
    flight.stored()
    assert not flight.take("3", "w", Mark(1, 10), nothing_gone)
    assert flight.settle() == Step("3")
    assert flight.whole() == Step("3", {"w": Mark(2, 20)})


def test_what_has_no_number_is_passed_over():
    flight = flying(1)
    assert not flight.take("2", "", Mark(), nothing_gone)
    assert flight.settle(["1"]) == Step("2", {"w": Mark(1, 10)})


def test_a_message_before_which_nobody_can_say_what_is_gone_is_read_again():
    flight = flying(1)

    def down():
        raise OSError

    with pytest.raises(OSError):
        flight.take("4", "w", Mark(4, 40), down)
    assert flight.position == "1"
    assert flight.take("4", "w", Mark(4, 40), lambda: {"w": Mark(2, 20)})
    assert [(one.first, one.last) for one in flight.missing] == [(3, 3)]


def test_what_is_missing_is_told_once_the_message_behind_it_is_handed_out():
    flight = flying(1, 2, 5, 6)
    assert flight.told("5") == []
    assert [(one.first, one.last) for one in flight.told("6")] == [(3, 4)]
    assert flight.told() == []


def test_where_nothing_is_stored_any_more_the_next_step_has_all():
    flight = flying(2, 3, 4, 5, low="1", marks={"v": Mark(7, 70)}, done={})
    flight.settle(["2", "4"])
    flight.stored()
    flight.again()
    assert flight.settle() == Step("2", {"v": Mark(7, 70), "w": Mark(2, 20)}, {"4": ("w", Mark(4, 40))})


def test_at_the_end_of_what_is_there_the_last_numbers_tell():
    flight = flying(1, 2)
    flight.end({"w": Mark(5, 50), "other": Mark(0, 0)}, nothing_gone)
    (missing,) = flight.missing
    assert (missing.first, missing.last, missing.since, missing.until) == (3, 5, 20, 50)
    assert flight.settle(["1", "2"]) == Step("2", {"w": Mark(5, 50)})


@given(st.permutations(range(1, 9)), st.integers(0, 8), st.sets(st.integers(1, 8)))
def test_whoever_comes_next_reads_exactly_what_was_not_settled(turns, kept, lost):
    """Messages `lost` were removed by hand before anybody read them; `kept` of the others are settled by the first
    owner, in any order. Each is then settled, read by the next owner, or missing: once."""
    there = [number for number in range(1, 9) if number not in lost]
    first = flying(*there)
    settled = [number for number in turns if number in there][:kept]
    low, marks, done = "0", {}, {}
    for number in settled:
        step = first.settle([str(number)])
        low = step.low or low
        marks |= step.marks
        done |= step.done
        for place in step.passed:
            del done[place]
        first.stored()
    second = Flight(0, low, marks, done)
    left = [number for number in there if int(low) < number and str(number) not in done]
    read = [number for number in left if second.take(str(number), "w", Mark(number, 0), nothing_gone)]
    second.end({"w": Mark(8, 0)} if there else {}, nothing_gone)
    assert sorted(settled + read) == there
    for flight, begin in ((first, 0), (second, marks["w"].number if marks else 0)):
        gaps = {n for one in flight.missing for n in range(one.first, one.last + 1)}
        assert gaps <= lost
        if flight is second and there:
            assert gaps == {number for number in lost if number > begin}
