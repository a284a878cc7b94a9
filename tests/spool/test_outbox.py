"""The thread that writes."""

import threading

from httptee.spool.outbox import Outbox


class Queue:
    def __init__(self):
        self.waiting = 0
        self.written = threading.Event()
        self.closed = self.abandoned = False
        self.looks = 0

    def look(self):
        self.looks += 1
        return False

    def write(self, most):
        taken, self.waiting = min(most, self.waiting), 0
        if taken:
            self.written.set()
        return taken

    def rest(self):
        """Nothing is to be written."""

    def close(self, deadline):
        self.closed = True

    def abandon(self):
        self.abandoned = True


def test_a_clone_wakes_the_thread_and_the_end_closes_the_queue():
    outbox, queue = Outbox(100), Queue()
    outbox.add(queue)
    for _ in range(2):
        queue.written.clear()
        queue.waiting = 1
        outbox.call()
        assert queue.written.wait(30)
    outbox.close(30)
    assert queue.closed
    assert not outbox.reserve(1)


def test_no_more_is_held_than_the_limit():
    outbox = Outbox(100)
    assert outbox.reserve(60)
    assert not outbox.reserve(60)
    outbox.free(60)
    assert outbox.reserve(60)


def test_a_system_that_starts_no_thread_costs_nothing():
    def no_thread(task):
        raise RuntimeError("can't start new thread")

    outbox = Outbox(100, start=no_thread)
    outbox.call()
    outbox.call()
    outbox.close(0)


class Stalled(Queue):
    def __init__(self):
        super().__init__()
        self.goes_on = threading.Event()
        self.waiting = 1

    def write(self, most):
        self.written.set()
        self.goes_on.wait(30)
        return 0

    def close(self, deadline):
        self.write(1)


def test_the_end_does_not_wait_for_a_write_that_the_disk_does_not_take():
    outbox, queue = Outbox(100), Stalled()
    outbox.add(queue)
    outbox.call()
    assert queue.written.wait(30)
    outbox.close(0.0)
    assert queue.abandoned
    assert not queue.closed
    queue.goes_on.set()


def test_the_end_does_not_wait_for_a_disk_that_is_stalled_only_then():
    outbox, queue = Outbox(100), Stalled()
    outbox.add(queue)
    outbox.close(0.0)
    assert queue.written.is_set()
    assert not queue.abandoned
    queue.goes_on.set()


def test_clones_at_the_gate_go_on_while_the_thread_waits_for_a_disk():
    outbox, queue = Outbox(100), Stalled()
    outbox.add(queue)
    outbox.call()
    assert queue.written.wait(30)
    before = queue.looks
    outbox.call_again()
    assert queue.looks == before + 1
    queue.goes_on.set()
    outbox.close(30)


def test_a_thread_that_could_not_be_started_is_started_later_without_a_further_clone():
    started = []

    def start(task):
        started.append(task)
        if len(started) < 3:
            raise RuntimeError("can't start new thread")

    outbox, queue = Outbox(100, start=start), Queue()
    outbox.add(queue)
    outbox.call_again()
    assert not started
    queue.waiting = 1
    outbox.call()
    outbox.call_again()
    outbox.call_again()
    outbox.call_again()
    assert len(started) == 3
