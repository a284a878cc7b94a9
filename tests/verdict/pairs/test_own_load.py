from httptee.verdict.pairs.own_load import OwnLoad


def looked(*spent):
    """A load that was looked at once a second, after so much CPU time."""
    times = iter(spent)
    load = OwnLoad(lambda: next(times))
    return [load.is_busy(float(second)) for second in range(len(spent))]


def test_it_is_taken_for_busy_until_it_is_known():
    assert looked(7.0) == [True]


def test_more_than_half_of_a_core_is_busy():
    assert looked(7.0, 7.4, 8.0, 8.1) == [True, False, True, False]


def test_it_looks_only_ten_times_a_second():
    times = iter([0.0, 0.0])
    load = OwnLoad(lambda: next(times))
    assert [load.is_busy(at) for at in (0.0, 0.05, 0.09, 0.15, 0.2)] == [True, True, True, False, False]
