import pytest

from httptee.shadow.cutoff import Cutoff


class Second:
    """A cutoff at 100 ms and its clock."""

    def __init__(self):
        self.now = 0.0
        self.draws = 0.5
        self.cutoff = Cutoff(0.1, lambda: self.now, lambda: self.draws)

    def passes(self, quick=100, slow=0):
        for _ in range(slow):
            self.cutoff.observe(0.2)
        for _ in range(quick - 1):
            self.cutoff.observe(0.01)
        self.now += 1.0
        self.cutoff.observe(0.01)
        return self.cutoff.share


def test_while_a_is_well_nothing_is_cut():
    second = Second()
    assert second.passes() == 1.0
    assert not second.cutoff.cuts()


def test_one_slow_answer_in_a_hundred_is_no_reason():
    assert Second().passes(quick=199, slow=1) == 1.0


def test_a_slow_a_halves_the_share_every_second():
    second = Second()
    assert [second.passes(slow=5) for _ in range(3)] == [0.5, 0.25, 0.125]
    assert second.cutoff.changes == 3


def test_a_share_that_is_almost_nothing_is_nothing():
    second = Second()
    for _ in range(10):
        second.passes(slow=5)
    assert second.cutoff.share == 0.0


def test_what_was_cut_is_given_back_by_tenths():
    second = Second()
    second.passes(slow=5)
    assert [second.passes() for _ in range(6)] == pytest.approx([0.6, 0.7, 0.8, 0.9, 1.0, 1.0])


def test_a_handful_of_answers_says_nothing():
    assert Second().passes(quick=2, slow=5) == 1.0


def test_requests_that_wait_for_a_thread_cut_the_share_too():
    second = Second()
    second.cutoff.queueing = lambda: True
    assert second.passes() == 0.5


@pytest.mark.parametrize(("drawn", "cut"), [(0.24, False), (0.26, True)])
def test_a_cut_share_is_what_is_still_sent(drawn, cut):
    second = Second()
    second.cutoff.share = 0.25
    second.draws = drawn
    assert second.cutoff.cuts() is cut


def test_every_change_is_one_line_in_the_log(caplog):
    second = Second()
    second.passes(slow=5)
    second.passes(slow=0)
    assert [record.getMessage() for record in caplog.records] == [
        "A is slow: sending 50 % of the clones",
        "A answers in time: sending 60 % of the clones",
    ]
