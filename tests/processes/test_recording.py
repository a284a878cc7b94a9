"""The process that writes a recording, forked for real."""

import errno
import os
import signal

import pytest

from httptee.build import build_ledger
from httptee.http import Request, Response
from httptee.http.endpoint import Endpoint
from httptee.processes import kept
from httptee.processes import recording as module
from httptee.processes.recording import RecordingProcess
from httptee.recording import Outlet, read_recording
from httptee.recording.exchange import row_of
from httptee.settings.settings import Settings
from tests.support.net import eventually
from tests.support.process import suspend


class World:
    def __init__(self, directory):
        settings = Settings(processes=2, a=Endpoint.parse("127.0.0.1:1"), record=str(directory))
        self.ledger = build_ledger(settings, 2)
        self.recording = self.ledger.recording
        self.outlet = Outlet(self.recording.rings[0], self.recording.account(0))
        self.process = RecordingProcess(settings, self.ledger)

    def put(self, number):
        request = Request("GET", f"/{number}", [("Host", "a")], b"", "192.0.2.1", "http")
        self.recording.account(0).seen()
        record = row_of(request, Response(200, "OK", [], b""), (1, number), number, 0)
        self.outlet.put(record)
        self.outlet.flush()

    def end(self):
        self.process.retire()
        self.process.retire()
        eventually(lambda: self.process.collect() or self.process.ended)
        self.ledger.settle_lost(0)
        self.recording.settle_writer()
        return self.ledger.recorded()


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.end()


def test_it_writes_and_at_its_end_it_writes_what_is_left(world, tmp_path):
    world.process.keep()
    world.put(1)
    eventually(lambda: world.ledger.recorded().recorded == 1)
    world.put(2)
    found = world.end()
    assert (found.seen, found.recorded, found.waiting) == (2, 2, 0)
    assert read_recording([tmp_path]).gaps == ()
    assert world.process.next_event() == 3600.0


def test_one_that_is_killed_is_replaced_and_nothing_is_lost_or_written_twice(world, tmp_path, caplog):
    world.process.keep()
    world.put(1)
    eventually(lambda: world.ledger.recorded().recorded == 1)
    os.kill(world.process._child.pid, signal.SIGKILL)
    world.put(2)
    eventually(lambda: world.process.collect() or not world.process._child.pid)
    assert world.process.next_event() <= 0.1
    world.process._child._starts_at = 0.0
    world.process.keep()
    eventually(lambda: world.ledger.recorded().recorded == 2)
    world.put(3)
    found = world.end()
    assert (found.seen, found.recorded, found.not_recorded) == (3, 3, 0)
    assert sorted(one.target for one in read_recording([tmp_path])) == ["/1", "/2", "/3"]
    assert "was killed by SIGKILL; another starts in 0.1 s" in caplog.text


def test_what_one_has_left_that_was_killed_is_written_at_the_end(world):
    world.put(1)  # none was started yet
    assert world.end().recorded == 1


def test_one_that_is_killed_at_the_end_is_replaced_if_it_has_left_something(world):
    world.process.keep()
    suspend(world.process._child.pid)
    world.put(1)
    world.process.retire()
    os.kill(world.process._child.pid, signal.SIGKILL)
    assert world.end().recorded == 1


def test_without_rings_there_is_none(tmp_path):
    settings = Settings(processes=1, a=Endpoint.parse("127.0.0.1:1"), record=str(tmp_path))
    process = RecordingProcess(settings, build_ledger(settings, 1))
    process.keep()
    assert process.ended


def test_where_no_process_can_be_started_it_is_tried_again(world, monkeypatch, caplog):
    def fails(*_):
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(kept, "fork", fails)
    world.process.keep()
    assert "cannot start the recording process: Resource temporarily unavailable; it is tried again" in caplog.text
    assert 0 < world.process.next_event() <= 0.1


def test_one_that_does_not_end_is_killed(world, monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 0.0)
    world.process.keep()
    suspend(world.process._child.pid)
    world.process.hurry()
    world.process.collect()
    assert not world.process.ended
    world.process.retire()
    world.process.hurry()
    eventually(lambda: world.process.collect() or world.process.ended)
