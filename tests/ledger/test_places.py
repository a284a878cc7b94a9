"""Places are locked by processes, so most tests fork."""

import errno
import os
import signal
from contextlib import contextmanager

import pytest

from httptee.ledger.places import PLACES, Places


@contextmanager
def process(places, counts):
    """A child with a place, in which it has counted. It lives until the end of the block."""
    ready, wait = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        try:
            ledger = places.take()
            counts(ledger)
            os.write(ready[1], b"x")
            os.close(wait[1])
            os.read(wait[0], 1)
        finally:
            os._exit(0)
    try:
        assert os.read(ready[0], 1)
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for each in (*ready, *wait):
            os.close(each)


def delivers(ledger):
    ledger.worker(0).publish(pid=os.getpid())
    (account,) = ledger.accounts(0)
    account.open()
    account.settle_delivered(200, 0.1)
    account.open()


@pytest.mark.parametrize("named", [True, False])
def test_all_processes_are_read_together(tmp_path, named):
    places = Places(["b"], str(tmp_path) if named else "")
    with process(places, delivers), process(places, delivers):
        (statement,) = places.read().statements()
        assert (statement.seen, statement.delivered, statement.in_flight) == (4, 2, 2)
        assert len(places.read().workers()) == 2


def test_what_a_killed_process_had_in_flight_is_lost():
    places = Places(["b"])
    with process(places, delivers):
        pass
    (statement,) = places.read().statements()
    assert (statement.seen, statement.delivered, statement.failed_by_reason) == (2, 1, {"lost": 1})
    assert places.read().workers() == []


def test_the_next_process_goes_on_in_the_place_of_one_that_has_ended():
    places = Places(["b"])
    with process(places, delivers):
        pass
    ledger = places.take()
    (statement,) = ledger.statements()
    assert (statement.seen, statement.failed_by_reason) == (2, {"lost": 1})


def test_programs_that_know_the_directory_share_a_ledger(tmp_path):
    one, two = Places(["b"], str(tmp_path)), Places(["b"], str(tmp_path))
    delivers(one.take())
    delivers(two.take())
    assert one.read().statements()[0].seen == two.read().statements()[0].seen == 4
    assert Places(["b", "c"], str(tmp_path)).read().statements()[0].seen == 0


def test_the_processes_share_the_state_of_a_b(tmp_path):
    one, two = Places(["b"], str(tmp_path)), Places(["b"], str(tmp_path))
    one.take().circuits[0][0] = 1
    assert two.take().circuits[0][0] == 1
    assert two.read().statements()[0].state == "down"


def test_a_process_without_a_free_place_counts_for_itself(tmp_path):
    held = [Places([], str(tmp_path)) for _ in range(PLACES)]
    for each in held:
        each.take()
    last = Places([], str(tmp_path))
    last.take().worker(0).answered(200, 0.1)
    assert last.read().primary().answered == 0


def test_a_process_for_which_the_disk_has_no_room_counts_for_itself(tmp_path, monkeypatch, caplog):
    places, other = Places(["b"], str(tmp_path)), Places(["b"], str(tmp_path))

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "posix_fallocate", full)
        ledger = places.take()
        delivers(ledger)
        with pytest.raises(OSError, match="No space left"):
            Places(["b", "c"], str(tmp_path))
    assert ledger.statements()[0].seen == 2
    assert "counts for itself" in caplog.text
    assert other.read().statements()[0].seen == 0
    delivers(other.take())
    assert other.read().statements()[0].seen == 2


def test_a_reader_leaves_its_own_place_alone():
    places = Places(["b"])
    ledger = places.take()
    delivers(ledger)
    assert places.read().statements()[0].in_flight == 1
    assert ledger.statements()[0].in_flight == 1


def test_a_directory_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        Places(["b"], str(tmp_path / "nowhere"))


def test_a_place_that_is_taken_later_is_in_the_ledger_that_was_read_before(tmp_path):
    ledger = Places(["b"], str(tmp_path)).read()
    assert ledger.statements()[0].seen == 0
    delivers(Places(["b"], str(tmp_path)).take())
    delivers(Places(["b"], str(tmp_path)).take())
    assert ledger.statements()[0].seen == 4
    assert [worker.row for worker in ledger.workers()] == [0, 1]


def test_one_process_at_a_time_leads(tmp_path):
    one, two = Places([], str(tmp_path)), Places([], str(tmp_path))
    assert one.leads()
    assert one.leads()
    assert not two.leads()
    one.follow()
    assert two.leads()


def test_a_child_that_does_nothing_keeps_neither_the_place_nor_the_lead_of_its_parent(tmp_path):
    places, other = Places(["b"], str(tmp_path)), Places(["b"], str(tmp_path))
    lives, ends = os.pipe()

    def leads_and_forks(ledger):
        delivers(ledger)
        assert places.leads()
        runs, told = os.pipe()
        if not os.fork():
            os.close(ends)
            os.write(told, b"x")
            os.read(lives, 1)
            os._exit(0)
        assert os.read(runs, 1)  # only once it runs has it let go of what its parent has

    with process(places, leads_and_forks):
        assert not other.leads()
    assert other.leads()
    assert other.read().statements()[0].failed_by_reason == {"lost": 1}
    os.close(lives)
    os.close(ends)


def test_the_start_is_that_of_the_first_process(tmp_path):
    one = Places(["b"], str(tmp_path))
    assert Places(["b"], str(tmp_path)).since == one.since > 1_700_000_000
