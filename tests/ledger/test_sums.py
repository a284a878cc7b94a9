from httptee.ledger.sums import add_lines, counts, latency, statuses, summed


def test_lines_are_added_column_by_column():
    assert summed([[1, 2], [10, 20]]) == [11, 22]
    line = memoryview(bytearray(16)).cast("Q")
    add_lines(line, [[1, 2], [10, 20]], 1)
    assert line.tolist() == [11, 0]


def test_only_what_was_counted_is_shown():
    assert counts([0, 3, 5], {"none": 0, "three": 1}) == {"three": 3}
    assert statuses([0, 3, 5], {200: 0, 204: 1}, 2) == {204: 3, 0: 5}
    assert statuses([0, 3, 0], {200: 0, 204: 1}, 2) == {204: 3}


def test_durations_are_in_seconds():
    assert latency([1, 2, 1_500_000], (0, 1), 2).seconds == 1.5
