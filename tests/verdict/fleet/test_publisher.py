import threading
from collections import deque

import pytest

from httptee.journal import Appended, JournalWriter
from httptee.journal.shipping import Parcel, Shipper
from httptee.verdict.court import Counts, RouteSums
from httptee.verdict.fleet.document import PREFIX, Lost, Pairs, decoded
from httptee.verdict.fleet.leftovers import Leftovers
from httptee.verdict.fleet.packing import packed_key, unpacked
from httptee.verdict.fleet.parting import partition_of
from httptee.verdict.fleet.publisher import SUFFIX, Describer, Publisher, Telling
from tests.support.engine import MemoryEngine
from tests.support.net import eventually
from tests.verdict.fleet.fakes import account, statement
from tests.verdict.judge.samples import pair

ROUTE = "GET /users/{int}"


class Counted:
    """What the worker processes have counted."""

    run = "first"

    def sums(self):
        return {"canary": {ROUTE: RouteSums(9, 8, 4, 4)}}

    def names(self):
        return [{ROUTE}]

    def counts(self, backend, sums):
        return Counts(9, 8, 8, 8, 0, 2)

    def primary(self):
        return account(9)

    def share(self):
        return 0.5

    def statements(self):
        return [statement("canary", 9)]


class Reader:
    """Gives what is in `pairs`."""

    dropped = 0

    def __init__(self, *pairs):
        self.pairs = deque(pairs)

    def receive(self, timeout):
        while self.pairs:
            yield self.pairs.popleft()


class Rest:
    def rest(self):
        return 0.0


def publisher(tmp_path, engine, reader, outbox=None):
    outbox = outbox or JournalWriter(tmp_path, "pairs-1", SUFFIX)
    shipper = Shipper(engine, tmp_path, SUFFIX, "tee", packed_key, own="pairs-1")
    telling = Telling(engine, Describer(Counted(), "tee:1", 900.0, {"canary": "f"}))
    return Publisher(reader, outbox, shipper, telling, Rest())


def shipped(engine):
    entries = engine.join("test").read(1000)
    return [
        (entry.message.partition, unpacked(parcel.record))
        for entry in entries
        if (parcel := Parcel.unpacked(entry.message.payload)).record is not None
    ]


def told(engine):
    return [decoded(data) for data in engine.documents(PREFIX).values()]


def test_pairs_go_through_the_outbox_into_the_partition_of_their_route(tmp_path):
    engine = MemoryEngine()
    publisher(tmp_path, engine, Reader(pair(), pair(method="POST"))).run(lambda: False)
    assert sorted(shipped(engine), key=str) == sorted(
        ((partition_of(one.route, 4), one) for one in (pair(), pair(method="POST"))), key=str
    )


def test_the_last_document_has_all_counts(tmp_path):
    engine = MemoryEngine()
    publisher(tmp_path, engine, Reader(pair())).run(lambda: False)
    (found,) = told(engine)
    assert (found.instance, found.run, found.ended, found.share) == ("tee:1", "first", True, 0.5)
    b = found.backends["canary"]
    assert (b.statement.seen, b.offered, b.delivered, b.missed, b.fingerprint) == (9, 9, 8, 2, "f")
    assert b.routes[ROUTE]
    assert found.pairs.taken == 1


def test_a_document_is_put_each_second_while_it_runs(tmp_path):
    engine, ending = MemoryEngine(), threading.Event()
    made = publisher(tmp_path, engine, Reader())
    thread = threading.Thread(target=made.run, args=(lambda: not ending.is_set(),))
    thread.start()
    try:
        eventually(lambda: told(engine), "a document")
        assert not told(engine)[0].ended
    finally:
        ending.set()
        thread.join()
    assert told(engine)[0].ended


def test_an_engine_that_is_down_holds_up_no_pair(tmp_path, caplog):
    engine = MemoryEngine()
    engine.unavailable = "redis://host/verdict: connection refused"
    reader, ending = Reader(pair()), threading.Event()
    made = publisher(tmp_path, engine, reader)
    thread = threading.Thread(target=made.run, args=(lambda: not ending.is_set(),))
    thread.start()
    try:
        eventually(lambda: made.pairs().error, "the error")
        reader.pairs.extend([pair()] * 5)
        eventually(lambda: made.taken == 6, "pairs in the outbox")
        engine.unavailable = ""
        eventually(lambda: made.pairs().shipped == 6, "pairs in the engine")
    finally:
        ending.set()
        thread.join()
    assert len(shipped(engine)) == 6
    assert caplog.text.count("cannot be published") <= 1


def test_what_the_outbox_has_no_room_for_is_counted(tmp_path):
    class Full:
        def append(self, records):
            return Appended.FULL

        def close(self):
            """Nothing is open."""

    engine = MemoryEngine()
    made = publisher(tmp_path, engine, Reader(pair(), pair()), Full())
    made.run(lambda: False)
    lost = made.pairs().lost
    assert lost.count == 2
    assert 0 < lost.first == lost.last
    assert told(engine)[0].pairs.lost == lost


def test_a_pair_that_is_no_text_is_left_out_and_counted(tmp_path):
    engine = MemoryEngine()
    odd = pair(target="/\ud800")
    made = publisher(tmp_path, engine, Reader(odd, pair()))
    made.run(lambda: False)
    assert made.failures == 1
    assert len(shipped(engine)) == 1
    assert made.pairs().lost.count == 1


def test_the_end_does_not_wait_for_an_engine_that_is_down(tmp_path):
    engine = MemoryEngine()
    engine.unavailable = "down"
    made = publisher(tmp_path, engine, Reader(pair()))
    made.run(lambda: False)
    assert made.pairs() == Pairs(1, 0, Lost(), made.pairs().error)


@pytest.mark.parametrize("ended", [False, True])
def test_what_cannot_be_told_is_said_once(ended, caplog):
    engine = MemoryEngine()
    engine.unavailable = "down"
    telling = Telling(engine, Describer(Counted(), "tee:1", 900.0, {}))
    for _ in range(3):
        telling.tell(Pairs(), ended)
    assert caplog.text.count("down") == 1
    engine.unavailable = ""
    telling.tell(Pairs(), ended)
    assert (telling.error, len(told(engine))) == ("", 1)


def test_the_last_document_is_kept_if_the_engine_is_down(tmp_path):
    engine = MemoryEngine()
    engine.unavailable = "down"
    leftovers = Leftovers(tmp_path)
    telling = Telling(engine, Describer(Counted(), "tee:1", 900.0, {}), leftovers)
    telling.tell(Pairs())
    assert list(tmp_path.iterdir()) == []
    telling.tell(Pairs(), ended=True)
    engine.unavailable = ""
    Telling(engine, Describer(Counted(), "tee:1", 950.0, {}), leftovers).tell(Pairs())
    assert list(tmp_path.iterdir()) == []
    assert [one.began for one in told(engine)] == [950.0]
