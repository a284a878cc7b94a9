import pytest

from httptee.journal.engines import Unavailable
from httptee.verdict.fleet.docket import decoded, encoded
from httptee.verdict.fleet.document import Lost
from httptee.verdict.fleet.partitions import Partitions
from httptee.verdict.judge import Trial
from tests.support.engine import MemoryEngine
from tests.verdict.fleet.fakes import Writer
from tests.verdict.judge.fakes import FakeCourt
from tests.verdict.judge.samples import pair

TRIALS = [Trial("canary", "f", lambda chapter, state: FakeCourt(chapter, state))]


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def of(engine, clock=None, keep="full"):
    return Partitions(engine.join("judges"), engine.partitions, TRIALS, keep, clock or Clock())


def judged(partitions, limit=100):
    found = list(partitions.read(limit, 0.0))
    for docket, _ in found:
        docket.hearings["canary"].court.unequal(pair(), [])
    return len(found)


def seen(partitions):
    return sum(state["cases"]["canary"]["court"]["seen"] for state in partitions.states())


def test_what_is_read_and_saved_is_not_read_again():
    engine = MemoryEngine()
    Writer(engine).put(*[pair()] * 3)
    first = of(engine)
    assert judged(first) == 3
    first.save(everything=True)
    first.close()
    second = of(engine)
    assert judged(second) == 0
    assert seen(second) == 3


def test_what_is_read_and_not_saved_is_read_again_by_the_next_owner():
    engine = MemoryEngine()
    writer = Writer(engine)
    writer.put(*[pair()] * 3)
    first = of(engine)
    assert judged(first) == 3
    first.save(everything=True)
    writer.put(*[pair()] * 2)
    assert judged(first) == 2
    first._member.kill()
    second = of(engine)
    assert judged(second) == 2
    assert seen(second) == 5


def test_what_another_judge_owns_is_given_up_unsaved():
    engine = MemoryEngine(1)
    Writer(engine).put(*[pair()] * 2)
    first, second = of(engine), of(engine)
    assert judged(first) == 2
    engine.take_away("judges", 0)
    first._member._group.members.remove(first._member)
    assert judged(second) == 2
    first.save(everything=True)
    assert first.owned == {}
    second.save(everything=True)
    assert seen(second) == 2


def test_a_partition_is_saved_once_a_second_or_after_many_pairs():
    engine, clock = MemoryEngine(1), Clock()
    writer = Writer(engine)
    one = of(engine, clock)
    writer.put(pair())
    judged(one)
    one.save()
    assert seen(of(engine)) == 1
    writer.put(*[pair()] * 2)
    judged(one)
    one.save()
    assert decoded(engine.join("judges").load(0))["cases"]["canary"]["court"]["seen"] == 1
    clock.now += 1.0
    one.save()
    assert decoded(engine.join("judges").load(0))["cases"]["canary"]["court"]["seen"] == 3
    writer.put(*[pair()] * 500)
    judged(one, 1000)
    one.save()
    assert decoded(engine.join("judges").load(0))["cases"]["canary"]["court"]["seen"] == 503


def test_an_engine_that_fails_costs_nothing_that_was_read():
    engine = MemoryEngine(2)
    Writer(engine).put(*[pair()] * 3)
    one = of(engine)
    member = one._member
    load, member.load = member.load, lambda _: member._engine.check()
    read = member.read

    def then_down(limit, timeout):
        found = read(limit, timeout)
        engine.unavailable = "connection refused"
        return found

    member.read = then_down
    with pytest.raises(Unavailable):
        judged(one)
    engine.unavailable, member.load, member.read = "", load, read
    assert judged(one) == 3


def test_messages_that_are_missing_are_counted_once():
    engine = MemoryEngine(1)
    writer = Writer(engine)
    writer.put(*[pair()] * 5)
    engine.remove(0, 2)
    one = of(engine)
    assert judged(one) == 3
    assert one.owned[0].lost == Lost(2, 0.0, 3.0)
    one.save(everything=True)
    one.close()
    two = of(engine)
    judged(two)
    assert two.owned[0].lost == Lost(2, 0.0, 3.0)


@pytest.mark.parametrize("data", [b"no state", encoded({"version": 1, "cases": {"canary": {"court": {}}}})])
def test_a_state_that_is_none_begins_anew(data, caplog):
    engine = MemoryEngine(1)
    member = engine.join("judges")
    member.read(1)
    member.save(0, data, "")
    member.close()
    one = of(engine)
    assert judged(one) == 0
    assert seen(one) == 0
    assert "partition 0 cannot be used" in caplog.text


def test_a_saved_state_holds_no_credentials():
    class Court(FakeCourt):
        def state(self):
            place = ["body", "$.user.token", "value"]
            return {"seen": 1, "keys": [{"place": place, "a": "'s3cr3t'", "b": "'0ther1'"}]}

    trials = [Trial("canary", "f", lambda chapter, state: Court(chapter, state))]
    for keep, shown in (("full", "***1"), ("paths", "")):
        engine = MemoryEngine(1)
        Writer(engine).put(pair())
        one = Partitions(engine.join("judges"), 1, trials, keep)
        judged(one)
        one.save(everything=True)
        saved = decoded(engine.join("judges").load(0))
        assert saved["cases"]["canary"]["court"]["keys"][0]["a"] == shown
        assert "s3cr3t" not in str(saved)


def test_a_state_is_found_by_the_route():
    engine = MemoryEngine(4)
    Writer(engine).put(pair())
    one = of(engine)
    ((docket, _),) = one.read(10, 0.0)
    assert one.of("GET /users/{int}") is docket
    assert encoded(docket.state())
