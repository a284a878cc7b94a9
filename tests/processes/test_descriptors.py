import resource

import pytest

from httptee.http.endpoint import Endpoint
from httptee.processes.descriptors import TooFewDescriptorsError, within_descriptors
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


SETTINGS = Settings(connection_limit=1000, threads=100, processes=2, b_workers=20, b=(Endpoint.parse("b:1"),) * 2)
WANTED = 128 + 50 + 2 * 3 * 10 + 500


def test_a_limit_that_is_high_enough_stays(limit):
    state = limit(WANTED, WANTED)
    assert within_descriptors(SETTINGS) is SETTINGS
    assert state["limits"] == (WANTED, WANTED)


@pytest.mark.parametrize("hard", [WANTED + 10, resource.RLIM_INFINITY])
def test_a_soft_limit_is_raised_to_what_is_wanted(limit, hard):
    state = limit(100, hard)
    assert within_descriptors(SETTINGS) is SETTINGS
    assert state["limits"] == (WANTED, hard)


def test_where_the_hard_limit_is_too_low_fewer_connections_are_taken_and_the_log_says_what_to_do(limit, caplog):
    state = limit(100, 400)
    assert within_descriptors(SETTINGS).connection_limit == 2 * (400 - (WANTED - 500))
    assert state["limits"] == (400, 400)
    (message,) = (record.getMessage() for record in caplog.records)
    assert f"{WANTED} file descriptors are wanted in each process, and the limit is 400" in message
    assert "LimitNOFILE=" in message


def test_where_next_to_nothing_is_left_for_clients_it_does_not_start(limit):
    limit(100, 240)
    with pytest.raises(TooFewDescriptorsError, match="the limit is 240: raise it"):
        within_descriptors(SETTINGS)
