import threading
from pathlib import Path

from httptee.http import Request, Response
from httptee.journal import JournalWriter, Limits
from httptee.ledger import Ledger
from httptee.recording.exchange import row_of
from httptee.recording.files import SUFFIX, Head
from httptee.recording.pending import Pending
from httptee.recording.reading import read_recording
from httptee.recording.record import RecordMaker, Sieve
from httptee.recording.register import Register
from httptee.recording.scribe import Scribe
from tests.support.net import eventually


def pending(number):
    request = Request("GET", f"/{number}", [], b"", "a", "http")
    return Pending(request, Response(200, "OK", [], b""), (1, number), number + 1, 0)


class World:
    def __init__(self, directory):
        self.ledger = Ledger([])
        self.account = self.ledger.recording.account(0)
        self.journal = JournalWriter(
            directory, "s", SUFFIX, Head("a").packed(), Limits(min_free=0.0), sequence=self.account.sequence
        )
        maker = RecordMaker(None, 100)
        self.scribe = Scribe(Register(self.journal, self.account), self.account, maker, Sieve(maker))

    def put(self, *numbers):
        for number in numbers:
            self.account.seen()
            self.scribe.put(pending(number))

    @property
    def statement(self):
        return self.ledger.recorded()


def test_what_is_put_in_is_written_and_counted(tmp_path):
    world = World(tmp_path)
    world.put(*range(200))
    eventually(lambda: world.statement.recorded == 200)
    assert world.statement.waiting == 0
    world.scribe.close(10)
    world.scribe.close(10)
    assert [one.place for one in read_recording([tmp_path])] == list(range(200))
    assert read_recording([tmp_path]).gaps == ()


def test_a_flat_record_is_written(tmp_path):
    world = World(tmp_path)
    world.account.seen()
    one = pending(7)
    world.scribe.put_row(row_of(one.request, one.response, one.place, 1, 0))
    world.scribe.close(10)
    assert [one.place for one in read_recording([tmp_path])] == [7]


def test_no_thread_is_started_without_an_exchange(tmp_path):
    before = threading.active_count()
    world = World(tmp_path)
    assert threading.active_count() == before
    world.scribe.close(1)
    assert list(Path(tmp_path).iterdir()) == []


def test_what_waits_is_written_at_the_end(tmp_path):
    world = World(tmp_path)
    world.put(*range(1000))
    world.scribe.close(10)
    assert world.statement.recorded == 1000


def test_where_no_thread_can_be_started_what_waits_is_written_at_the_end(tmp_path, monkeypatch):
    def fails(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fails)
    world = World(tmp_path)
    world.put(1, 2)
    assert repr(world.scribe) == "<Scribe [waiting 2]>"
    world.scribe.close(1)
    assert world.statement.recorded == 2


def test_an_exchange_that_cannot_be_encoded_costs_only_itself(tmp_path):
    world = World(tmp_path)
    world.put(1)
    bad = pending(2)
    bad.request = None
    world.account.seen()
    world.scribe.put(bad)
    world.put(3)
    world.scribe.close(10)
    assert (world.statement.recorded, world.statement.not_recorded_by_reason) == (2, {"unreadable": 1})
    (gap,) = read_recording([tmp_path]).gaps
    assert (gap.lost, gap.reason) == (1, "unreadable")


def test_a_successor_names_what_a_killed_process_has_lost(tmp_path):
    world = World(tmp_path)
    world.put(1)
    eventually(lambda: world.statement.recorded == 1)
    for _ in range(3):
        world.account.seen()  # the process is killed before they are written
    world.ledger.settle_lost(0)
    account = world.ledger.recording.account(0)
    journal = JournalWriter(tmp_path, "s", SUFFIX, Head("a").packed(), Limits(min_free=0.0), sequence=account.sequence)
    maker = RecordMaker(None, 100)
    successor = Scribe(Register(journal, account), account, maker, Sieve(maker))
    account.seen()
    successor.put(pending(2))
    successor.close(10)
    recording = read_recording([tmp_path])
    assert [one.place for one in recording] == [1, 2]
    assert [(gap.lost, gap.reason) for gap in recording.gaps] == [(3, "lost")]
    world.scribe.close(10)
