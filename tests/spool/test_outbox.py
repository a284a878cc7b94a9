"""The thread that writes."""

import threading

from httptee.spool import outbox as module
from httptee.spool import sheet
from httptee.spool.outbox import Outbox
from tests.support.net import eventually


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

    def sync(self):
        """Have the disk hold all that is due."""

    def rest(self):
        """Nothing is to be written."""

    def close(self, deadline):
        self.closed = True

    def abandon(self):
        self.abandoned = True


def test_a_clone_wakes_the_thread_and_the_end_closes_the_queue():
    outbox, queue = Outbox(100), Queue()
    tray = outbox.tray()
    tray.serve(queue)
    for _ in range(2):
        queue.written.clear()
        queue.waiting = 1
        tray.call()
        assert queue.written.wait(30)
    outbox.close(30)
    assert queue.closed
    assert not tray.reserve(1)


def test_no_more_is_held_than_the_limit():
    tray = Outbox(100).tray()
    assert tray.reserve(60)
    assert not tray.reserve(60)
    tray.free(60)
    assert tray.reserve(60)


def test_a_clone_that_is_larger_than_the_part_of_its_b_is_taken_alone():
    tray = Outbox(100, parts=4).tray()
    assert not tray.reserve(101)
    assert tray.reserve(100)
    assert not tray.reserve(1)
    tray.free(100)
    assert tray.reserve(20)
    assert not tray.reserve(6)


def test_one_clone_at_a_time_is_larger_than_the_part_of_its_b():
    outbox = Outbox(100, parts=4)
    one, other = outbox.tray(), outbox.tray()
    assert one.reserve(100)
    assert not other.reserve(26)
    assert other.reserve(25)
    one.free(100)
    assert not other.reserve(26)
    other.free(25)
    assert other.reserve(26)


def test_a_system_that_starts_no_thread_costs_nothing():
    def no_thread(task):
        raise RuntimeError("can't start new thread")

    outbox = Outbox(100, start=no_thread)
    tray = outbox.tray()
    tray.serve(Queue())
    tray.call()
    tray.call()
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
    tray = outbox.tray()
    tray.serve(queue)
    tray.call()
    assert queue.written.wait(30)
    outbox.close(0.0)
    assert queue.abandoned
    assert not queue.closed
    queue.goes_on.set()


def test_the_end_does_not_wait_for_a_disk_that_is_stalled_only_then():
    outbox, queue = Outbox(100), Stalled()
    tray = outbox.tray()
    tray.serve(queue)
    outbox.close(0.0)
    assert queue.written.is_set()
    assert not queue.abandoned
    queue.goes_on.set()


def test_clones_at_the_gate_go_on_while_the_thread_waits_for_a_disk():
    outbox, queue = Outbox(100), Stalled()
    tray = outbox.tray()
    tray.serve(queue)
    tray.call()
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
    tray = outbox.tray()
    tray.serve(queue)
    outbox.call_again()
    assert not started
    queue.waiting = 1
    tray.call()
    outbox.call_again()
    outbox.call_again()
    outbox.call_again()
    assert len(started) == 3


def test_a_b_whose_disk_takes_nothing_stops_no_other():
    outbox, stalled, other = Outbox(100, parts=2), Stalled(), Queue()
    first, second = outbox.tray(), outbox.tray()
    first.serve(stalled)
    second.serve(other)
    assert first.reserve(50)
    first.call()
    assert stalled.written.wait(30)
    assert not first.reserve(1)
    assert second.reserve(50)
    other.waiting = 1
    second.call()
    assert other.written.wait(30)
    outbox.close(0.2)
    assert other.closed
    assert stalled.abandoned
    assert not stalled.closed
    stalled.goes_on.set()


def test_what_is_due_is_synced_while_no_clone_comes_and_the_thread_does_not_wait_before():
    class Synced(Queue):
        syncs = 0

        def sync(self):
            self.syncs += 1

    outbox, queue = Outbox(100), Synced()
    tray = outbox.tray()
    tray.serve(queue)
    queue.waiting = 1
    tray.call()
    eventually(lambda: tray._asleep)
    assert queue.syncs
    assert module._IDLE > sheet._SYNC  # the second in which all must be on the disk
    outbox.close(30)
