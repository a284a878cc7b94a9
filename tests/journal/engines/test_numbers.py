from httptee.journal.engines.numbers import Mark, Missing, Numbers


def test_numbers_that_follow_each_other_miss_nothing():
    numbers = Numbers(3)
    assert [numbers.note("w", Mark(number, 10 * number)) for number in (1, 2, 3)] == [None] * 3


def test_what_is_missing_lies_between_two_stamps():
    numbers = Numbers(3, {"w": Mark(2, 20)})
    assert numbers.note("w", Mark(6, 60)) == Missing(3, "w", 3, 5, since=20, until=60)
    assert Missing(3, "w", 3, 5, 20, 60).count == 3


def test_the_first_one_of_a_writer_is_number_one():
    assert Numbers(0).note("w", Mark(3, 30)) == Missing(0, "w", 1, 2, since=0, until=30)


def test_each_writer_counts_for_itself():
    numbers = Numbers(0, {"one": Mark(7, 70)})
    assert numbers.note("other", Mark(1, 1)) is None
    assert numbers.note("one", Mark(8, 80)) is None


def test_a_repetition_is_not_new():
    numbers = Numbers(0, {"w": Mark(2, 20)})
    assert not numbers.is_new("w", 2)
    assert numbers.is_new("w", 3)
    assert numbers.is_new("another", 1)


def test_what_is_gone_and_accounted_for_is_not_missing():
    gone = {"w": Mark(5, 50)}
    assert Numbers(0, {"w": Mark(2, 20)}).note("w", Mark(6, 60), gone) is None
    assert Numbers(0, {"w": Mark(2, 20)}).note("w", Mark(8, 80), gone) == Missing(0, "w", 6, 7, 50, 80)


def test_at_the_end_the_last_one_is_missing_too():
    numbers = Numbers(0, {"w": Mark(2, 20)})
    assert numbers.end("w", Mark(5, 50)) == Missing(0, "w", 3, 5, 20, 50)
    assert numbers.end("w", Mark(5, 50)) is None
    assert numbers.note("w", Mark(6, 60)) is None
