"""What waits in an engine reaches B: in the order of its lanes, counted once, whichever tee sends it."""

import time

import pytest

from httptee.journal.engines import Unavailable
from httptee.ledger import ShadowLine, SpoolWords
from httptee.spool import catchup as catchup_module
from httptee.spool.counts import DROPPED, FAILED

from ..spools import write
from .benches import Sender, ship
from .engines import FakeEngine, Topic


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(catchup_module, "_FIRST_WAIT", 0.01)
    monkeypatch.setattr(catchup_module, "_LONGEST_WAIT", 0.1)


def filled(directory, count=100, lanes=7, partitions=4):
    topic = Topic(partitions)
    write(directory, count, lanes=lanes)
    ship(directory, topic)
    return topic


def depth(topic):
    return FakeEngine(topic).depth("spool")


def in_order(bodies, lanes):
    """Whether the first time each clone came is in the order of its lane."""
    first = list(dict.fromkeys(bodies))
    return all(found == sorted(found) for lane in range(lanes) for found in [[b for b in first if b % lanes == lane]])


def test_all_reach_b_in_the_order_of_their_lanes_and_are_counted_once(tmp_path):
    topic = filled(tmp_path)
    sender = Sender(topic, lambda request: 204)
    sender.run(lambda: depth(topic) == 0)
    assert sorted(sender.bodies) == list(range(100))
    assert in_order(sender.bodies, 7)
    assert sender.words.taken[ShadowLine.DELIVERED[204]] == sender.taken == 100


def test_a_request_keeps_its_id_at_each_repeat_from_whichever_tee(tmp_path):
    topic = filled(tmp_path, count=1)
    first = Sender(topic, lambda request: "connect", run="one")
    first.run(lambda: len(first.sent) == 3)
    first.sending.end()
    second = Sender(topic, lambda request: 204, run="two")
    second.run(lambda: depth(topic) == 0)
    ids = {dict(request.headers)["X-Httptee-Spool-Id"] for request in first.sent + second.sent}
    assert len(ids) == 1


def test_another_tee_goes_on_where_one_was_killed_and_nothing_is_counted_twice(tmp_path):
    topic = filled(tmp_path, count=200)
    words = SpoolWords()
    first = Sender(topic, lambda request: 204 if len(first.sent) < 80 else None, run="one", words=words)
    first.run(lambda: len(first.sent) >= 80 and not any(p.dirty for p in first.taking._places.values()))
    second = Sender(topic, lambda request: 204, run="two")
    topic.give(second.taking._member or second.engine.join("spool"), *range(4))  # the first one is dead
    topic.members.clear()
    second = Sender(topic, lambda request: 204, run="two")
    second.run(lambda: depth(topic) == 0)
    assert set(first.bodies + second.bodies) == set(range(200))
    assert in_order(first.bodies[:80] + second.bodies, 7)
    assert first.taken + second.taken == 200


def test_a_tee_that_owns_a_partition_no_more_counts_nothing_for_it(tmp_path):
    topic = filled(tmp_path, count=50, lanes=5, partitions=1)
    waiting = []
    first = Sender(topic, waiting.append, run="one")
    first.run(lambda: len(waiting) == 5)
    second = Sender(topic, lambda request: 204, run="two")
    second.taking._member = second.engine.join("spool")
    topic.give(second.taking._member, 0)
    for exchange in [flight.exchange for flight in first.catchup.flights.values()]:
        first.catchup.settled(exchange, 0.001, None, type("Answer", (), {"status": 204, "headers": ()})())
    first.taking._read_at = 0.0
    first.run(lambda: not len(first.catchup.lanes) and not first.catchup.flights)
    second.run(lambda: depth(topic) == 0)
    assert (first.taken, second.taken) == (0, 50)
    assert len(first.sent) == 5
    assert sorted(second.bodies) == list(range(50))


def test_a_drainer_that_is_replaced_knows_what_its_tee_has_counted(tmp_path):
    topic, words = filled(tmp_path, count=60), SpoolWords()
    first = Sender(topic, lambda request: 204 if len(first.sent) <= 30 else "connect", words=words)
    first.run(lambda: len(first.sent) > 30 and first.taken == 30)
    topic.members.clear()  # killed
    second = Sender(topic, lambda request: 204, words=words)
    second.run(lambda: depth(topic) == 0)
    assert second.taken == 60


@pytest.mark.parametrize("partitions", [1, 4])
def test_what_was_trimmed_by_hand_is_counted_with_its_interval(tmp_path, partitions):
    topic = filled(tmp_path, count=100, partitions=partitions)
    removed = 0
    stamps = []
    for entries in topic.entries.values():
        gone = entries[2:6]
        stamps += [entry.message.stamp for entry in gone]
        removed += len(gone)
        del entries[2:6]
    sender = Sender(topic, lambda request: 204)
    sender.run(lambda: depth(topic) == 0)
    assert sender.words.taken[DROPPED["spool_corrupt"]] == removed
    assert sender.words.taken[ShadowLine.DELIVERED[204]] == 100 - removed
    (loss,) = sender.words.losses()
    assert loss.first <= min(stamps)
    assert loss.last >= max(stamps)


def test_what_came_twice_is_sent_and_counted_once(tmp_path):
    topic = filled(tmp_path, count=20, lanes=3, partitions=1)
    for entry in list(topic.entries[0])[5:15]:
        topic.add(entry.message)
    sender = Sender(topic, lambda request: 204)
    sender.run(lambda: depth(topic) == 0)
    assert sorted(sender.bodies) == list(range(20))
    assert sender.taken == 20


@pytest.mark.parametrize("refuses", [False, True])
def test_a_request_that_always_fails_is_set_aside_in_the_engine_and_its_lane_goes_on(tmp_path, refuses):
    topic = filled(tmp_path, count=40, lanes=4, partitions=2)
    topic.refuses_aside = refuses
    sender = Sender(topic, lambda request: 500 if request.body == b"5" else 204)
    for number in range(2, 40):  # others are answered before and after
        tried = len(sender.sent)
        sender.run(lambda tried=tried: len(sender.sent) > tried)
        if topic.aside or topic.refused:
            break
        write(tmp_path, 4, lanes=4, first=40 * number, number=number)
        ship(tmp_path, topic)
    if refuses:  # until nothing else is left to be stored
        places = sender.taking._places.values()
        sender.run(lambda: not sender.taking.peek() and not any(place.dirty for place in places) and depth(topic) > 0)
        topic.refuses_aside = False
    sender.run(lambda: depth(topic) == 0)
    ((entry, reason),) = topic.aside
    assert entry.message.payload.endswith(b"5")
    assert reason == "500"
    assert sender.words.taken[FAILED["poison"]] == 1
    assert set(sender.bodies) >= set(range(40))


def test_nothing_is_sent_while_the_engine_does_not_answer_and_all_after_that(tmp_path):
    topic = filled(tmp_path, count=30)
    sender = Sender(topic, lambda request: "connect")
    sender.run(lambda: len(sender.sent) >= 7)
    topic.down = True
    sender.run(lambda: not sender.taking.sure)
    sender.answer = lambda request: 204
    before = len(sender.sent)
    for _ in range(20):
        sender.sending.step()
        time.sleep(0.005)
    assert len(sender.sent) == before
    topic.down = False
    sender.run(lambda: depth(topic) == 0)
    assert sender.taken == 30
    assert sender.words.taken[ShadowLine.DELIVERED[204]] == 30


def test_an_engine_that_refuses_to_store_a_place_is_read_before_it_is_asked_again(tmp_path):
    topic = filled(tmp_path, count=20)
    sender = Sender(topic, lambda request: 204)
    sender.run(lambda: bool(sender.taking._member))
    member, calls = sender.taking._member, []
    read, save = member.read, member.save

    def reads(limit, timeout=0.0):
        calls.append("read")
        return read(limit, timeout)

    def saves(*words):
        calls.append("save")
        if calls.count("read") < 3:
            raise Unavailable("other members come")
        return save(*words)

    member.read, member.save = reads, saves
    sender.run(lambda: depth(topic) == 0)
    assert sender.taken == 20
