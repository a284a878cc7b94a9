"""The thread that writes."""

import threading

from httptee.spool.outbox import Outbox


class Queue:
    def __init__(self):
        self.waiting = 0
        self.written = threading.Event()
        self.closed = False

    def look(self):
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
