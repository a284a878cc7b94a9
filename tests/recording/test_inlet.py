import threading
from array import array

import pytest

from httptee.http import Request, Response
from httptee.ledger import Ledger, Ring
from httptee.recording.exchange import encode, row_of
from httptee.recording.inlet import Inlet
from httptee.recording.outlet import ROWS, Outlet
from httptee.recording.reading import read_recording
from httptee.recording.record import RecordMaker, Sieve
from httptee.recording.register import Register
from httptee.recording.secrets import Secrets
from tests.recording.made import START, exchange, journal


class World:
    """Two worker processes, and the one that writes for both."""

    def __init__(self, directory, **journal):
        self.directory = directory
        self.journal = journal
        self.ledger = Ledger([], 2)
        self.recording = self.ledger.recording
        self.recording.rings = [Ring(1 << 20), Ring(1 << 20)]
        self.outlets = [Outlet(ring, self.recording.account(row)) for row, ring in enumerate(self.recording.rings)]
        self.account = self.recording.account(self.recording.writer)
        self.inlet = self.begin()

    def begin(self):
        writer = journal(self.directory, sequence=self.account.sequence, **self.journal)
        self.register = Register(writer, self.account, self.recording.to_name)
        sieve = Sieve(RecordMaker(Secrets(b"k" * 32), 1000))
        return Inlet(self.recording.rings, self.register, self.account, sieve)

    def put(self, row, *numbers, **changed):
        for number in numbers:
            values = {"headers": [("Host", "a")], "body": b"", "client": "192.0.2.1", "scheme": "http"} | changed
            request = Request("GET", f"/{number}", **values)
            response, place = Response(200, "OK", [("Server", "a")], b"hello"), (row, number)
            self.recording.account(row).seen()
            self.outlets[row].put(row_of(request, response, place, START + number, 5))
        self.outlets[row].flush()

    def kill(self, row):
        self.ledger.settle_lost(row)

    def end(self):
        """The counts, once all processes have ended."""
        self.register.close()
        for row in (0, 1):
            self.ledger.settle_lost(row)
        self.recording.settle_writer()
        found = self.ledger.recorded()
        assert found.waiting == found.held == 0
        return found


def test_the_exchanges_of_all_worker_processes_are_written_and_counted(tmp_path):
    world = World(tmp_path)
    world.put(0, 1, 2)
    world.put(1, 3)
    assert world.inlet.turn()
    assert not world.inlet.turn()
    found = world.end()
    assert (found.seen, found.recorded, found.not_recorded) == (3, 3, 0)
    assert [(one.connection, one.target, one.answer_body.data) for one in read_recording([tmp_path])] == [
        (0, "/1", b"hello"),
        (0, "/2", b"hello"),
        (1, "/3", b"hello"),
    ]


def test_every_byte_of_a_body_is_written(tmp_path):
    world, every = World(tmp_path), bytes(range(256))
    world.put(0, 1, body=every, headers=[("X", "\xe9\xff")])
    world.inlet.turn()
    assert world.end().recorded == 1
    (found,) = read_recording([tmp_path])
    assert (found.body.data, found.headers) == (every, (("X", "\xe9\xff"),))


def test_no_secret_is_written(tmp_path):
    world = World(tmp_path)
    world.put(0, 1, headers=[("Authorization", "Bearer planted")])
    world.inlet.turn()
    world.end()
    assert b"planted" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_records_that_are_made_are_written_as_they_are(tmp_path):
    world = World(tmp_path)
    world.recording.account(0).seen()
    world.outlets[0].append([(START, encode(exchange(7)))])
    world.inlet.turn()
    assert world.end().recorded == 1
    assert [one.target for one in read_recording([tmp_path])] == ["/7"]


def test_what_cannot_be_read_costs_only_itself(tmp_path):
    world = World(tmp_path)
    world.put(0, 1)
    for data in (b"nonsense", array("q", [START]).tobytes() + array("I", [5, 0, 0]).tobytes() + b"[1,2]"):
        world.recording.account(0).seen()
        world.recording.rings[0].put(ROWS, 1, data)
    world.put(0, 2)
    world.inlet.turn()
    found = world.end()
    assert (found.recorded, found.not_recorded_by_reason) == (2, {"unreadable": 2})


def test_what_a_killed_worker_process_had_handed_on_is_written_and_the_rest_is_lost(tmp_path):
    world = World(tmp_path)
    world.put(0, 1, 2)
    for _ in range(3):
        world.recording.account(0).seen()  # killed before they are handed on
    world.kill(0)
    world.put(0, 3)
    world.inlet.turn()
    found = world.end()
    assert (found.seen, found.recorded, found.not_recorded_by_reason) == (6, 3, {"lost": 3})
    assert [(gap.lost, gap.reason) for gap in read_recording([tmp_path]).gaps] == [(3, "lost")]


def test_a_successor_writes_nothing_twice_that_was_written_and_not_freed(tmp_path):
    world = World(tmp_path)
    world.put(0, 1, 2)
    ring = world.recording.rings[0]
    ring.begin(ring.batches(1000)[-1])
    world.register.append([(START, encode(exchange(number))) for number in (1, 2)])  # killed here
    world.put(1, 3)
    successor = world.begin()
    successor.turn()
    assert world.end().recorded == 3
    assert [one.target for one in read_recording([tmp_path])] == ["/1", "/2", "/3"]


@pytest.mark.parametrize("whole", [0, 1, 3, 4])
def test_a_successor_writes_the_rest_of_a_batch_that_was_torn(tmp_path, whole):
    world = World(tmp_path)
    world.put(0, 1)
    world.recording.account(0).seen()
    world.recording.rings[0].put(ROWS, 1, b"nonsense")
    world.put(0, 2, 3, 4)
    ring = world.recording.rings[0]
    ring.begin(ring.batches(100_000)[-1])
    records = [(START + number, encode(exchange(number))) for number in range(1, whole + 1)]
    if records:
        world.register.append(records)  # killed within the write, behind this many records
    world.put(0, 5)
    successor = world.begin()
    while successor.turn():
        pass
    found = world.end()
    assert (found.recorded, found.not_recorded_by_reason) == (5, {"unreadable": 1})
    assert [one.target for one in read_recording([tmp_path])] == ["/1", "/2", "/3", "/4", "/5"]


def test_a_successor_goes_on_behind_a_block_that_is_whole(tmp_path):
    world = World(tmp_path, compress=True)
    world.put(0, 1, 2, 3)
    ring = world.recording.rings[0]
    ring.begin(ring.batches(100_000)[-1])
    world.register.append([(START + number, encode(exchange(number))) for number in (1, 2)])  # killed here
    world.begin().turn()
    found = world.end()
    assert (found.recorded, found.not_recorded) == (3, 0)
    assert [one.target for one in read_recording([tmp_path])] == ["/1", "/2", "/3"]


def test_a_successor_counts_nothing_twice_of_a_batch_that_was_settled_and_not_freed(tmp_path):
    world = World(tmp_path)
    world.put(0, 1, 2)
    world.recording.account(0).seen()
    world.recording.rings[0].put(ROWS, 1, b"nonsense")
    ring = world.recording.rings[0]
    ring.settle = lambda: None  # killed before it
    world.inlet.turn()
    del ring.settle
    successor = world.begin()
    assert successor.turn() == 0
    found = world.end()
    assert (found.recorded, found.not_recorded_by_reason) == (2, {"unreadable": 1})


def test_a_successor_writes_what_was_taken_and_not_written(tmp_path):
    world = World(tmp_path)
    world.put(0, 1, 2)
    ring = world.recording.rings[0]
    ring.begin(ring.batches(1000)[-1])  # killed here
    world.begin().turn()
    assert world.end().recorded == 2


def test_what_nobody_has_written_at_the_end_is_lost(tmp_path):
    world = World(tmp_path)
    world.put(0, 1)
    world.put(1, 2, 3)
    found = world.end()
    assert (found.seen, found.recorded, found.not_recorded_by_reason) == (3, 0, {"lost": 3})


def test_it_says_how_much_waits(tmp_path):
    world, said = World(tmp_path), []
    world.inlet._on_backlog = said.append
    world.recording.account(1).seen()
    world.outlets[1].append([(START, bytes(1 << 19))])
    world.inlet.turn()
    world.inlet.turn()
    world.end()
    assert 0.5 <= said[0] < 0.51
    assert said[1] == 0


def test_it_ends_when_nothing_is_left(tmp_path):
    world = World(tmp_path)
    world.put(0, *range(200))
    said = []
    world.inlet._on_backlog = said.append
    world.inlet.run(lambda: True, lambda: True)
    assert world.end().recorded == 200
    assert said == [1.0]


def test_an_orphan_waits_for_the_last_exchanges_of_the_worker_processes(tmp_path):
    world = World(tmp_path)
    thread = threading.Thread(target=world.inlet.run, args=(lambda: False, lambda: False))
    thread.start()
    world.put(0, 1)
    thread.join()
    assert world.end().recorded == 1
