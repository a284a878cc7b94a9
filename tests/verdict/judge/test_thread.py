"""The judge as a thread of the only process."""

import threading

from httptee.verdict.judge.thread import JudgeThread
from tests.support.net import eventually
from tests.verdict.judge.samples import pair


class Counting:
    """A judge that counts the pairs it takes, and how often it was made."""

    def __init__(self):
        self.pairs = self.made = self.ended = 0

    def __call__(self, reader, pace, short_of_memory):
        self.reader = reader
        self.made += 1
        assert not short_of_memory()
        return self

    def run(self, wanted):
        while wanted():
            self.pairs += len(list(self.reader.receive(0.005)))
        self.ended += 1


def test_the_first_pair_starts_the_thread():
    counting = Counting()
    judge = JudgeThread(counting)
    assert counting.made == 0
    assert judge.send(pair())
    assert judge.send(pair())
    eventually(lambda: counting.pairs == 2)
    judge.stop()
    assert (counting.made, counting.ended) == (1, 1)


def test_many_threads_that_send_start_one_judge():
    counting = Counting()
    judge = JudgeThread(counting)
    together = threading.Barrier(16)

    def send():
        together.wait()
        judge.send(pair())

    senders = [threading.Thread(target=send) for _ in range(16)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    eventually(lambda: counting.pairs == 16)
    judge.stop()
    assert counting.made == 1


def test_a_thread_that_cannot_be_started_is_not_tried_for_each_pair(monkeypatch, caplog):
    tries = []

    def fail(thread):
        tries.append(thread)
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    judge = JudgeThread(Counting())
    for _ in range(5):
        assert judge.send(pair())
    assert len(tries) == 1
    assert caplog.text.count("the judge is tried again") == 1


def test_after_the_end_no_pair_starts_it_again():
    counting = Counting()
    judge = JudgeThread(counting)
    judge.stop()
    judge.send(pair())
    assert counting.made == 0


def test_a_replaced_judge_ends_before_the_next_one_begins():
    first, second = Counting(), Counting()
    judge = JudgeThread(first)
    judge.start()
    eventually(lambda: first.made)
    judge.replace(second)
    eventually(lambda: judge.start() or second.made)
    assert first.ended == 1
    judge.stop()
    assert second.ended == 1


def test_a_judge_that_cannot_be_made_is_made_anew(monkeypatch, caplog):
    monkeypatch.setattr("httptee.verdict.judge.thread._ANEW", 0.0)
    counting, tries = Counting(), []

    def make(reader, pace, short_of_memory):
        tries.append(reader)
        if len(tries) < 3:
            raise [OSError("no such directory"), RuntimeError("a mistake")][len(tries) - 1]
        return counting(reader, pace, short_of_memory)

    judge = JudgeThread(make)
    judge.send(pair())
    eventually(lambda: counting.pairs == 1)
    assert caplog.text.count("the judge failed; the requests go on") == 2
    assert "go on: no such directory" in caplog.text
    assert caplog.text.count("Traceback") == 1  # only a mistake has one
    judge.stop()
