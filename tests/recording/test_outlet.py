import threading
from marshal import loads

from httptee.http import Request, Response
from httptee.ledger import Ledger, Ring
from httptee.recording import outlet as module
from httptee.recording.exchange import decode, row_at, row_of
from httptee.recording.outlet import RECORDS, ROWS, Outlet
from tests.support.net import eventually


def rows(data):
    found, at = [], 0
    while at < len(data):
        found.append(row_at(data, at))
        at += len(found[-1])
    return list(map(decode, found))


class World:
    def __init__(self, size=1 << 20):
        self.ledger = Ledger([], 1)
        self.ring = Ring(size)
        self.outlet = Outlet(self.ring, self.ledger.recording.account(0))

    def put(self, *numbers):
        for number in numbers:
            request = Request("GET", f"/{number}", [("Host", "a")], b"asked", "192.0.2.1", "http")
            response, place = Response(200, "OK", [("X", "y")], b"answer"), (3, number)
            self.ledger.recording.account(0).seen()
            self.outlet.put(row_of(request, response, place, 1000 + number, 5, 100))

    def taken(self):
        return [
            (batch.kind, rows(batch.data) if batch.kind == ROWS else loads(batch.data))
            for batch in self.ring.batches(1 << 20)
        ]


def test_a_batch_is_handed_on_when_it_is_full():
    world = World()
    world.put(*range(31))
    assert (world.ring.put_in, repr(world.outlet)) == (0, "<Outlet [waiting 31]>")
    world.put(31)
    ((kind, records),) = world.taken()
    assert (kind, len(records)) == (ROWS, 32)
    assert records[7].target == "/7"
    assert (records[7].arrived, records[7].first_byte, records[7].connection, records[7].place) == (1007, 5, 103, 7)
    assert world.ledger.recorded().seen == world.ledger.recorded().waiting == 32


def test_what_waits_is_handed_on_when_asked():
    world = World()
    world.put(1)
    world.outlet.flush()
    world.outlet.flush()
    assert [len(records) for _, records in world.taken()] == [1]
    world.put(2)
    world.outlet.close()
    assert world.ring.put_in == 2


def test_what_finds_no_room_is_counted():
    world = World(size=200)
    world.put(*range(32))
    assert world.ring.put_in == 0
    assert world.ledger.recorded().not_recorded_by_reason == {"queue_full": 32}


def test_records_that_are_made_go_the_same_way():
    world = World()
    world.outlet.append([(7, b"record")])
    world.outlet.publish()
    assert world.taken() == [(RECORDS, [(7, b"record")])]


def test_records_wait_for_room_for_a_while(monkeypatch):
    world = World(size=200)
    world.ring.put(RECORDS, 1, bytes(150))
    thread = threading.Thread(target=world.outlet.append, args=([(7, bytes(100))],))
    thread.start()
    world.ring.begin(world.ring.batches(1000)[-1])
    world.ring.settle()
    thread.join()
    assert world.taken() == [(RECORDS, [(7, bytes(100))])]
    monkeypatch.setattr(module, "_PATIENCE", 0.0)
    world.ledger.recording.account(0).seen()
    world.outlet.append([(8, bytes(100))])
    assert world.ledger.recorded().not_recorded_by_reason == {"queue_full": 1}


def test_while_another_thread_copies_nobody_waits_and_what_is_too_much_is_counted():
    world = World()
    with world.outlet._copying:
        world.put(*range(300))
        world.outlet.flush()
    assert world.ledger.recorded().not_recorded_by_reason == {"queue_full": 44}
    world.outlet.flush()
    assert world.ring.put_in == 256


def test_many_threads_put_in_and_nothing_is_left_out_or_put_in_twice():
    world = World()
    threads = [threading.Thread(target=world.put, args=range(one * 1000, one * 1000 + 500)) for one in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.outlet.flush()
    numbers = [one.arrived for _, records in world.taken() for one in records]
    dropped = world.ledger.recorded().not_recorded_by_reason.get("queue_full", 0)
    assert len(numbers) == len(set(numbers)) == 2000 - dropped
    eventually(lambda: world.ring.put_in == len(numbers))


def item(number, client="192.0.2.1"):
    answer, asked = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n", b"GET /%d HTTP/1.1\r\nVia: me\r\n\r\n" % number
    return (1000 + number, 5, (3, number), 200, client, answer, asked, b"", b"answer")


def test_an_exchange_becomes_a_row_with_its_batch():
    world = World()
    world.outlet = Outlet(world.ring, world.ledger.recording.account(0), 1 << 40, "me")
    for number in range(31):
        world.outlet.put(item(number))
    world.put(31)  # one whose row is made
    ((_, records),) = world.taken()
    assert [one.target for one in records] == [f"/{number}" for number in range(32)]
    assert (records[0].connection, records[31].connection) == ((1 << 40) + 3, 103)
    assert records[0].headers == ()  # what the tee has added is left out
    assert records[0].answer_headers == (("X", "y"), ("Content-Length", "6"))


def test_one_that_cannot_be_a_row_is_counted_and_the_others_of_its_batch_are_handed_on():
    world = World()
    for number in range(31):
        world.outlet.put(item(number, "a" * 70_000 if number in (4, 9) else "a"))
    world.outlet.put(item(31))
    assert (world.ring.put_in, world.ledger.recorded().not_recorded_by_reason) == (30, {"unreadable": 2})
    assert sorted(one.target for _, records in world.taken() for one in records) == sorted(
        f"/{number}" for number in range(32) if number not in (4, 9)
    )
