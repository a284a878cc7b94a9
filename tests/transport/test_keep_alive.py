"""For how long an idle connection may be used again."""

from math import inf

import pytest

from httptee.transport.head import announced
from httptee.transport.pool import KeepAlive


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("timeout=5", 4.0),
        ("timeout=5, max=1000", 4.0),
        ("max=3, Timeout = 10", 8.0),
        ('timeout="20"', 16.0),
        ("timeout=0", 0.0),
        ("", inf),
        ("max=3", inf),
        ("timeout=soon", inf),
        ("xtimeout=5", inf),
    ],
)
def test_an_upstream_announces_its_limit_and_the_tee_stays_below(value, seconds):
    assert announced(value) == pytest.approx(seconds)


def test_at_first_the_limit_is_the_configured_one():
    assert KeepAlive(30.0).limit == 30.0


def test_a_connection_found_closed_lowers_the_limit_and_the_next_one_lowers_it_further():
    keep_alive = KeepAlive(30.0)
    keep_alive.found_closed(5.0)
    assert keep_alive.limit == pytest.approx(4.0)
    keep_alive.found_closed(7.0)
    assert keep_alive.limit == pytest.approx(4.0)
    keep_alive.found_closed(0.1)
    assert keep_alive.limit == pytest.approx(0.08)


def test_what_was_alive_for_less_time_changes_nothing():
    keep_alive = KeepAlive(30.0)
    keep_alive.found_closed(5.0)
    keep_alive.found_alive(3.9)
    assert keep_alive.limit == pytest.approx(4.0)


def test_a_restart_of_the_upstream_teaches_nothing():
    keep_alive = KeepAlive(30.0)
    keep_alive.found_alive(10.0)
    keep_alive.found_closed(0.003)
    assert keep_alive.limit == 30.0


def test_an_upstream_that_keeps_connections_for_longer_than_it_seemed_is_believed():
    keep_alive = KeepAlive(30.0)
    keep_alive.found_closed(0.5)
    keep_alive.found_alive(0.6)
    assert keep_alive.limit == 30.0
