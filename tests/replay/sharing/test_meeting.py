import threading

import pytest

from httptee.replay.sharing import meeting as module
from httptee.replay.sharing.meeting import Alone, Meeting
from tests.support.engine import MemoryEngine


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "_BEAT", 0.02)
    monkeypatch.setattr(module, "_SETTLED", 0.1)
    monkeypatch.setattr(module, "_GONE", 0.5)


def run(*bodies):
    """Each in a thread of its own; what they return, in their order."""
    found = [None] * len(bodies)

    def one(number):
        found[number] = bodies[number]()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(bodies))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_members_have_one_order_learn_what_all_have_and_one_gets_what_all_have_counted():
    engine = MemoryEngine()
    began = threading.Barrier(3)

    def member():
        meeting = Meeting(engine, "g", 3, lambda text: None)
        meeting.join()
        parts = meeting.ready({"count": meeting.index})
        meeting.begin()
        began.wait(10)
        found = meeting.finish(b"%d" % meeting.index)
        meeting.close()
        meeting.close()
        return meeting.index, [part["count"] for part in parts], found

    found = sorted(run(member, member, member))
    assert [index for index, _, _ in found] == [0, 1, 2]
    assert all(parts == [0, 1, 2] for _, parts, _ in found)
    assert [ends for _, _, ends in found] == [[b"0", b"1", b"2"], [], []]
    assert not any(engine.documents("replay/g/").values()), "nothing is left"


def test_a_second_run_of_a_group_is_not_disturbed_by_the_first():
    engine = MemoryEngine()
    engine.put("replay/g/seat/00", b"7")  # left by a member that was killed
    engine.put("replay/g/run", b'["old","00","01"]')

    def member():
        meeting = Meeting(engine, "g", 2, lambda text: None)
        meeting.join()
        meeting.ready({})
        meeting.finish(b"x")
        meeting.close()
        return meeting.index

    for _ in range(2):
        assert sorted(run(member, member)) == [0, 1]


def test_too_few_members_are_named():
    meeting = Meeting(MemoryEngine(), "g", 3, lambda text: None, patience=0.0)
    with pytest.raises(Alone, match="only 1 of 3 members came to the group g"):
        meeting.join()
    assert repr(meeting) == "<Meeting g [1 of 3]>"
    meeting.close()


def test_a_member_that_goes_before_the_begin_ends_the_others_and_after_it_is_missing():
    engine, gone = MemoryEngine(), threading.Event()

    def other():
        meeting = Meeting(engine, "g", 2, lambda text: None)
        meeting._token = "ff"
        meeting.join()
        meeting.ready({})
        meeting.close()
        gone.set()

    def first():
        said = []
        meeting = Meeting(engine, "g", 2, said.append)
        meeting._token = "00"
        meeting.join()
        meeting.ready({})
        gone.wait(10)
        found = meeting.finish(b"mine")
        meeting.close()
        return found, said

    (found, said), _ = run(first, other)
    assert found == [b"mine", None]
    assert said[-1] == "of the 2 members of the group g, number 2 has gone"


def test_what_is_waited_for_is_said(monkeypatch):
    monkeypatch.setattr(module, "_TELL", 0.0)
    said = []
    meeting = Meeting(MemoryEngine(), "g", 2, said.append, patience=0.2)
    with pytest.raises(Alone):
        meeting.join()
    assert said[0] == "1 of 2 members of the group g are there"
    meeting.close()
