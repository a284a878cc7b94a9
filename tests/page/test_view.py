import pytest

from httptee.page.view import state_of_b, state_of_tee

ALIVE, DRAINING = {"draining": False}, {"draining": True}


@pytest.mark.parametrize(
    ("workers", "check", "said"),
    [
        ([], None, ("no worker process", "bad")),
        ([ALIVE, DRAINING], None, ("serving", "good")),
        ([DRAINING], None, ("draining", "fair")),
        ([ALIVE], {"passes": True}, ("serving", "good")),
        ([ALIVE], {"passes": False}, ("A fails its check", "bad")),
    ],
)
def test_the_state_of_the_tee_is_that_of_readyz(workers, check, said):
    assert state_of_tee({"workers": workers, "a": {"check": check}}) == said


@pytest.mark.parametrize(("state", "tone"), [("up", "good"), ("down", "bad"), ("gone", "fair")])
def test_each_state_of_a_b_has_a_tone(state, tone):
    assert state_of_b({"state": state, "orders": None}) == (state, tone)
    assert state_of_b({"state": state, "orders": {"paused": False}}) == (state, tone)


def test_a_b_that_was_paused_says_so():
    assert state_of_b({"state": "up", "orders": {"paused": True}}) == ("paused", "fair")
