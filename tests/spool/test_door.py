"""Where a shadow puts the clones that B cannot take now."""

import dataclasses
import gc
import io
import time
from types import SimpleNamespace

import pytest

from httptee.http import Exchange, FileBody
from httptee.ledger import Faults, GuardedAccount, Ledger
from httptee.settings import SpoolSettings
from httptee.spool.door import Door
from httptee.spool.outbox import Outbox
from httptee.spool.record import lane_of
from httptee.spool.stream import Stream

from .spools import RUN, StreamName, a_request, a_sheet, bodies

NAME = StreamName(RUN, 1, 1)


@pytest.fixture
def ledger():
    made = Ledger(["b"])
    made.spools.give_desks(["b"], 1, {"b": ""})
    return made


def a_door(directory, ledger, limit=1 << 20, **settings):
    tray = Outbox(limit, start=lambda task: None).tray()
    (account,) = ledger.accounts(0)
    chosen = SpoolSettings(str(directory), **settings)
    door = Door(
        GuardedAccount(account, Faults()),
        "b",
        ledger.spools.desk(0, 0),
        chosen,
        lane_of(settings.get("lane", "all")),
        a_sheet(directory / "b"),
        tray,
    )
    return door, account


def checked(ledger):
    (one,) = ledger.statements()
    assert one.seen == one.delivered + one.failed + one.dropped + one.in_flight + one.spooled
    return one


def test_a_clone_is_spooled_and_written(tmp_path, ledger):
    door, account = a_door(tmp_path, ledger)
    assert not door.backlog
    account.open()
    assert door.take(Exchange(a_request(1), 204, 0.0), "connect", opened=True) == ""
    assert door.take(Exchange(a_request(2), 204, 0.0), "circuit_open", opened=False) == ""
    assert door.backlog
    assert (checked(ledger).spooled, checked(ledger).seen) == (2, 2)
    assert door.write(100) == 2
    assert door.waiting == 0
    assert bodies(Stream(tmp_path / "b", NAME)) == [b"1", b"2"]


def test_a_clone_has_the_time_when_a_answered_it_however_late_it_is_spooled(tmp_path, ledger):
    door, account = a_door(tmp_path, ledger)
    first, second = Exchange(a_request(1), 204, 0.0), Exchange(a_request(2), 204, 0.0)
    first.came = second.came - 5_000_000_000
    account.open()
    door.take(second, "backlog", opened=False)
    door.take(first, "timeout", opened=True)
    assert door.write(100) == 2
    stream = Stream(tmp_path / "b", NAME)
    found = []
    while (entry := stream.peek(alive=False)) is not None:
        found.append((entry.clone.body, entry.clone.late, entry.stamp))
        stream.take()
    assert [each[:2] for each in found] == [(b"2", False), (b"1", True)]
    assert [each[2] for each in found] == [second.came, first.came]


def test_a_clone_is_not_sent_before_the_time_that_b_has_named(tmp_path, ledger):
    door, account = a_door(tmp_path, ledger)
    before = time.time_ns()
    for fields in ([], [("Retry-After", "60")]):
        account.open()
        answer = SimpleNamespace(status=429, headers=fields)
        door.take(Exchange(a_request(), 204, 0.0), "429", opened=True, answer=answer)
    door.write(100)
    stream = Stream(tmp_path / "b", NAME)
    assert stream.peek(alive=False).clone.due == 0
    stream.take()
    assert 60e9 <= stream.peek(alive=False).clone.due - before <= 90e9


def test_each_connection_is_a_lane_of_its_own(tmp_path, ledger):
    door, _ = a_door(tmp_path, ledger, lane="connection")
    for number, connection in enumerate((7, 8, 7)):
        door.take(Exchange(a_request(number), 204, 0.0, connection=connection), "backlog", opened=False)
    door.write(100)
    stream = Stream(tmp_path / "b", NAME)
    lanes = []
    while (entry := stream.peek(alive=False)) is not None:
        lanes.append(entry.clone.lane)
        stream.take()
    assert lanes[0] == lanes[2] != lanes[1]


def test_what_does_not_fit_into_memory_is_dropped_and_counted(tmp_path, ledger):
    door, _ = a_door(tmp_path, ledger, limit=600)
    for number in range(5):
        assert door.take(Exchange(a_request(number), 204, 0.0), "circuit_open", opened=False) == ""
    found = checked(ledger)
    assert found.dropped_by_reason == {"spool_full": 5 - door.waiting}
    assert found.spooled == door.waiting > 0
    (loss,) = found.spool.losses
    assert loss.reason == "spool_full"
    assert 0 < loss.first <= loss.last


def test_a_disk_that_takes_nothing_leaves_the_clones_in_memory(tmp_path, ledger):
    (tmp_path / "b").touch()
    door, _ = a_door(tmp_path, ledger)
    door.take(Exchange(a_request(1), 204, 0.0), "circuit_open", opened=False)
    assert door.write(100) == 0
    assert door.waiting == 1
    door.close(deadline=0.0)
    assert checked(ledger).dropped_by_reason == {"spool_full": 1}
    assert not door.backlog


def test_what_is_just_being_written_is_left_alone_at_the_end_and_the_rest_is_dropped(tmp_path, ledger):
    door, _ = a_door(tmp_path, ledger)
    for number in range(5):
        door.take(Exchange(a_request(number), 204, 0.0), "circuit_open", opened=False)
    (tmp_path / "b").touch()
    assert door.write(2) == 0
    (tmp_path / "b").unlink()
    door.abandon()
    found = checked(ledger)
    assert found.dropped_by_reason == {"spool_full": 3}
    assert found.spooled == door.waiting == 2
    assert not (tmp_path / "b").exists()
    door.abandon()
    assert checked(ledger).dropped == 3


def test_what_cannot_be_written_as_http_is_dropped(tmp_path, ledger):
    door, _ = a_door(tmp_path, ledger)
    request = a_request(1)
    request.headers.append(("X", "a\r\nb"))
    assert door.take(Exchange(request, 204, 0.0), "circuit_open", opened=False) == ""
    assert door.write(100) == 0
    assert not door.backlog
    assert checked(ledger).dropped_by_reason == {"spool_full": 1}


def test_a_disk_that_took_nothing_gets_the_clones_in_their_order(tmp_path, ledger):
    (tmp_path / "b").touch()
    door, _ = a_door(tmp_path, ledger)
    for number in range(3):
        door.take(Exchange(a_request(number), 204, 0.0), "circuit_open", opened=False)
        assert door.write(2) == 0
    (tmp_path / "b").unlink()
    assert door.waiting == 3
    assert (door.write(2), door.write(2), door.write(2)) == (2, 1, 0)
    assert door.waiting == 0
    assert bodies(Stream(tmp_path / "b", NAME)) == [b"0", b"1", b"2"]


def test_large_clones_are_not_written_all_at_once(tmp_path, ledger):
    door, _ = a_door(tmp_path, ledger, limit=16 << 20)
    for number in range(10):
        request = dataclasses.replace(a_request(number), body=b"x" * 300_000)
        door.take(Exchange(request, 204, 0.0), "circuit_open", opened=False)
    assert [door.write(100) for _ in range(4)] == [4, 4, 2, 0]


def test_what_was_written_or_given_up_holds_no_memory(tmp_path, ledger):
    limit = 100_000
    door, _ = a_door(tmp_path, ledger, limit=limit)
    tray = door._tray
    for number in range(20):
        door.take(Exchange(a_request(number), 204, 0.0), "circuit_open", opened=False)
    assert not tray.reserve(limit)
    door.write(100)
    assert tray.reserve(limit)
    tray.free(limit)
    door.take(Exchange(a_request(20), 204, 0.0), "circuit_open", opened=False)
    door.close(deadline=0.0)
    assert tray.reserve(limit)


def test_what_waits_does_not_make_the_collector_of_garbage_work(tmp_path, ledger):
    door, _ = a_door(tmp_path, ledger)
    door.take(Exchange(a_request(0), 204, 0.0), "circuit_open", opened=False)
    gc.collect()
    before = len(gc.get_objects())
    for number in range(500):
        door.take(Exchange(a_request(number), 204, 0.0), "circuit_open", opened=False)
    assert door.waiting == 501
    assert len(gc.get_objects()) < before + 100


def a_file(size):
    return FileBody(io.BytesIO(b"y" * size), size)


def test_a_body_in_a_file_is_read_if_there_is_room_for_it(tmp_path, ledger):
    door, _ = a_door(tmp_path, ledger, limit=10_000)
    for size in (5000, 20_000):
        request = dataclasses.replace(a_request(), body=a_file(size))
        assert door.take(Exchange(request, 204, 0.0), "circuit_open", opened=False) == ""
    assert checked(ledger).dropped_by_reason == {"spool_full": 1}
    assert door.write(100) == 1
    assert bodies(Stream(tmp_path / "b", NAME)) == [b"y" * 5000]
    assert door._tray.reserve(10_000)


def test_a_body_that_cannot_be_read_is_not_counted(tmp_path, ledger):
    door, _ = a_door(tmp_path, ledger)
    request = dataclasses.replace(a_request(), body=FileBody(io.BytesIO(b"short"), 100))
    assert door.take(Exchange(request, 204, 0.0), "circuit_open", opened=False) == "unreadable"
    assert checked(ledger).seen == 0
    assert door._tray.reserve(1 << 20)


def test_after_the_end_of_the_account_nothing_is_taken(tmp_path, ledger):
    door, account = a_door(tmp_path, ledger)
    account.close()
    assert door.take(Exchange(a_request(1), 204, 0.0), "closing", opened=False) == "closing"
    assert not door.backlog


@pytest.mark.parametrize(
    ("ambiguous", "method", "reason", "status", "again"),
    [
        ("never", "POST", "connect", 0, True),
        ("never", "POST", "timeout", 0, False),
        ("idempotent", "POST", "reset", 0, False),
        ("idempotent", "PUT", "reset", 0, True),
        ("retry", "POST", "protocol", 0, True),
        ("never", "POST", "", 503, True),
        ("never", "POST", "", 500, True),
        ("retry", "POST", "", 501, True),
        ("retry", "POST", "", 404, False),
        ("retry", "POST", "", 204, False),
    ],
)
def test_what_is_sent_again(tmp_path, ledger, ambiguous, method, reason, status, again):
    door, _ = a_door(tmp_path, ledger, ambiguous=ambiguous)
    assert door.repeats(method, reason, status) is again
