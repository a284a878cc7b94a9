"""Diffy's rule."""

import pytest

from httptee.compare import Difference, Key, Outcome
from httptee.http import Request
from tests.worlds.play.diffy import Diffy
from tests.worlds.traffic import Arrival, Client

CLIENT = Client("", "", "")
KEY = Key("body", "$.price", "value")


class Second:
    """A second A that answers with these bodies, one after the other."""

    def __init__(self, bodies):
        self.bodies = list(bodies)

    def ask(self, side, request, at):
        assert side == "a2"
        return Outcome(200, [], self.bodies.pop(0)), 0.01


def shown(pairs):
    """What is shown for (A, B, second A)."""
    diffy = Diffy(
        Second(second for _, _, second in pairs),
        lambda a, b: [] if a.body == b.body else [Difference(KEY, a.body, b.body)],
    )
    arrival = Arrival(0.0, Request("GET", "/", [], b"", "", "http"), CLIENT, "GET /")
    for a, b, _ in pairs:
        diffy.pair(Outcome(200, [], a), Outcome(200, [], b), arrival, "GET /", 0.0)
    return diffy.shown()


def test_a_field_that_only_b_changes_is_shown():
    assert shown([(b"1", b"2", b"1")] * 3) == {("GET /", "body", "$.price")}


def test_equal_answers_show_nothing():
    assert shown([(b"1", b"1", b"1")] * 3) == set()


@pytest.mark.parametrize(("raw", "expected"), [(20, False), (29, False), (31, True)])
def test_noise_of_a_hides_what_is_not_a_fifth_above_it(raw, expected):
    noisy = [(b"1", b"1", b"2")] * 20
    assert bool(shown(noisy + [(b"1", b"2", b"1")] * raw)) is expected


def test_what_is_always_noisy_is_never_shown():
    assert shown([(b"1", b"none", b"2")] * 50) == set()


def test_the_second_a_gets_what_b_did_not_get():
    second = Second([b"1"])
    Diffy(second, lambda a, b: []).lost(Arrival(0.0, Request("PUT", "/", [], b"", "", "http"), CLIENT, "PUT /"), 1.0)
    assert second.bodies == []


def test_one_difference_in_many_requests_is_not_shown():
    assert shown([(b"1", b"2", b"1")] + [(b"1", b"1", b"1")] * 3999) == set()
