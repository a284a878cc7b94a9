import resource

import pytest

from httptee.http.endpoint import Endpoint
from httptee.processes.limits.descriptors import TooFewDescriptorsError, within_descriptors
from httptee.server import MOST_HELD, most_leaving
from httptee.settings.backend import Backend
from httptee.settings.settings import Settings


@pytest.fixture
def limit(monkeypatch):
    """A pretended limit, as (soft, hard)."""
    state = {}

    def pretend(soft, hard):
        state["limits"] = (soft, hard)
        monkeypatch.setattr(resource, "getrlimit", lambda which: state["limits"])
        monkeypatch.setattr(resource, "setrlimit", lambda which, limits: state.update(limits=limits))
        return state

    return pretend


SETTINGS = Settings(
    a=Endpoint.parse("http://192.0.2.1:1"),
    connection_limit=1000,
    threads=100,
    processes=2,
    b_workers=20,
    b=(Backend.parse("http://b:1"), Backend.parse("http://[::1]:1 workers=40")),
)
# A: a connection for each thread. The first B has a name, which may have two addresses.
UPSTREAM = 64 + 50 + 10 * (2 + 2) + 20 * (2 + 1)
# Each of 500 connections, a file for its body, a thread with a connection to A in its place; refused ones.
WANTED = UPSTREAM + 500 + 500 + 500 + 125


def test_a_limit_that_is_high_enough_stays(limit):
    state = limit(WANTED, WANTED)
    assert within_descriptors(SETTINGS) is SETTINGS
    assert state["limits"] == (WANTED, WANTED)


def test_no_limit_is_high_enough(limit):
    limit(resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    assert within_descriptors(SETTINGS) is SETTINGS


@pytest.mark.parametrize(
    ("hard", "raised"), [(WANTED + 10, WANTED + 10), (100_000, 100_000), (resource.RLIM_INFINITY, WANTED)]
)
def test_a_soft_limit_is_raised_to_the_hard_one_or_to_what_is_wanted(limit, hard, raised):
    state = limit(100, hard)
    assert within_descriptors(SETTINGS) is SETTINGS
    assert state["limits"] == (raised, hard)


def test_where_the_hard_limit_is_too_low_fewer_connections_are_taken_and_the_log_says_what_to_do(limit, caplog):
    state = limit(100, 1000)
    left = 242  # of 786 descriptors: three each, and 60 refused ones
    assert UPSTREAM + 3 * left + most_leaving(left) <= 1000 < UPSTREAM + 3 * (left + 1) + most_leaving(left + 1)
    assert within_descriptors(SETTINGS).connection_limit == 2 * left
    assert state["limits"] == (1000, 1000)
    (message,) = (record.getMessage() for record in caplog.records)
    assert f"{WANTED} file descriptors are needed in each process, and the limit is 1000" in message
    assert "LimitNOFILE=" in message
    assert message.endswith("for now the limit is 484 connections")


def test_one_descriptor_short_is_too_few(limit):
    limit(WANTED - 1, WANTED - 1)
    assert within_descriptors(SETTINGS).connection_limit == 2 * 499


def test_where_next_to_nothing_is_left_for_clients_it_does_not_start(limit):
    limit(100, UPSTREAM + 16 * 4)
    assert within_descriptors(SETTINGS).connection_limit == 2 * 16
    limit(100, UPSTREAM + 16 * 4 - 1)
    with pytest.raises(TooFewDescriptorsError, match=f"the limit is {UPSTREAM + 63}: raise it"):
        within_descriptors(SETTINGS)


@pytest.mark.parametrize(("connections", "leaving"), [(1, 16), (64, 16), (100, 25), (1024, 256), (10_000, 256)])
def test_the_number_of_refused_connections_that_linger_follows_the_limit(connections, leaving):
    assert most_leaving(connections) == leaving


def test_no_more_threads_than_the_server_adds_are_counted(limit):
    settings = Settings(connection_limit=5000, threads=1, processes=1, b=(), a=Endpoint.parse("http://192.0.2.1:1"))
    wanted = 64 + 1 + 5000 + 5000 + MOST_HELD + 256
    limit(wanted, wanted)
    assert within_descriptors(settings) is settings
    limit(wanted - 1, wanted - 1)
    assert within_descriptors(settings) is not settings
