from httptee.transport.pressure import Pressure


def after(*unread_for):
    here = Pressure()
    for seconds in unread_for:
        here.record(seconds)
    return here


def test_a_process_that_reads_at_once_is_under_none():
    assert not after(*[0.0] * 1000).high


def test_answers_that_lie_unread_show_within_a_few():
    assert after(*[0.0] * 1000, *[0.004] * 8).high


def test_a_tick_of_the_kernels_clock_now_and_then_means_nothing():
    assert not after(*[*[0.0] * 39, 0.004] * 50).high


def test_it_is_over_when_answers_are_read_at_once_again():
    assert not after(*[0.004] * 1000, *[0.0] * 100).high
