"""All streams of one B."""

import contextlib
import os
import time
from functools import partial

import pytest

from httptee.ledger import ShadowLine, SpoolWords, outliving
from httptee.settings import SpoolSettings
from httptee.spool import source as module
from httptee.spool.counts import FAILED, Counts, delivered
from httptee.spool.names import StreamName
from httptee.spool.record import encode
from httptee.spool.sheet import Sheet
from httptee.spool.source import Source

from .spools import RUN, a_request, a_sheet, write


def opened(directory, words=None, run=RUN):
    words = words or SpoolWords()
    counts = Counts(words, run)
    source = Source(directory, run, counts, clock=lambda: time.time() + 60)
    source.recover()
    source.refresh()
    return words, counts, source


def everything(source):
    found = []
    while (entry := source.peek()) is not None:
        found.append(entry)
        entry.stream.take()
    return found


def test_the_streams_of_earlier_runs_are_counted_and_read_in_the_order_of_the_clones(tmp_path):
    write(tmp_path, 3, run="earlier")
    write(tmp_path, 3, first=10, run="another")
    words, counts, source = opened(tmp_path)
    assert words.put[0] == 6
    entries = everything(source)
    assert [entry.stamp for entry in entries] == sorted(entry.stamp for entry in entries)
    for entry in entries:
        counts.settle(entry, delivered(204))
    source.refresh()
    assert not words.backlog
    assert source.empty


def test_a_stream_that_another_tee_writes_is_left_alone(tmp_path):
    sheet = a_sheet(tmp_path, run="another")
    sheet.append([(1, b"x")])
    words, _, source = opened(tmp_path)
    assert source.orphans == 1
    assert source.peek() is None
    assert words.put[0] == 0


def test_the_next_process_of_a_slot_is_read_when_the_one_before_is_settled(tmp_path):
    write(tmp_path, 2)
    write(tmp_path, 2, first=10, number=2)
    words = SpoolWords()
    words.take_slot()
    words.put[1] = 3  # one of them was never written
    words.settle_death(1, 3)
    words.put[1] += 2
    words, counts, source = opened(tmp_path, words)
    entries = everything(source)
    assert [entry.clone.body for entry in entries] == [b"0", b"1"]
    for entry in entries:
        counts.settle(entry, delivered(204))
    source.refresh()  # removes the first
    source.refresh()  # counts what is lost, and opens the second
    assert words.line[FAILED["lost"]] == 1
    entries = everything(source)
    assert [entry.clone.body for entry in entries] == [b"10", b"11"]
    for entry in entries:
        counts.settle(entry, delivered(204))
    assert not words.backlog


def test_files_that_were_removed_by_hand_are_lost(tmp_path):
    write(tmp_path, 2, run="earlier")
    words, _, source = opened(tmp_path)
    source.close()
    for path in tmp_path.iterdir():
        path.unlink()
    words, _, source = opened(tmp_path, words)
    assert words.line[FAILED["lost"]] == 2
    assert not words.backlog


def test_a_clock_that_was_set_back_keeps_nothing_in_the_spool(tmp_path):
    sheet = a_sheet(tmp_path, run="earlier")
    assert sheet.append([(time.time_ns() + 3_600_000_000_000, encode(a_request(1), ""))])
    sheet.close()
    _, _, source = opened(tmp_path)
    assert [entry.clone.body for entry in everything(source)] == [b"1"]


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """The memory of a tee that was killed, in a directory of its own."""
    where = tmp_path / "memory"
    where.mkdir()
    monkeypatch.setattr(outliving.outliving_words, "__defaults__", (where,))
    monkeypatch.setattr(outliving.left_behind, "__defaults__", (where,))
    return where


def killed(directory, memory):
    """The words of a tee, and what leaves them in a file that nobody locks any more."""
    assert memory.is_dir()
    words = SpoolWords(str(directory), "earlier")
    file = words.file

    def kill():
        data = file.read_bytes()
        file.unlink()
        file.write_bytes(data)

    return words, kill


def test_what_a_killed_tee_had_in_memory_only_is_recovered_and_lost(tmp_path, memory):
    directory = tmp_path / "b"
    directory.mkdir()
    write(directory, 3, run="earlier")
    words, kill = killed(directory, memory)
    words.take_slot()
    words.put[1], words.came[1], words.stored[1] = 10, 9_000, 5_000
    words.left[1] = 2
    kill()
    words, counts, source = opened(directory)
    assert words.line[ShadowLine.SEEN] == words.put[0] == 8
    assert words.line[FAILED["lost"]] == words.left[0] == 5
    (loss,) = words.losses()
    assert (loss.reason, loss.first, loss.last) == ("lost", 5_000, 9_000)
    assert list(memory.iterdir()) == []
    entries = everything(source)
    assert len(entries) == 3
    for entry in entries:
        counts.settle(entry, delivered(204))
    source.refresh()
    assert not words.backlog
    assert words.line[FAILED["lost"]] == 5


def test_a_killed_tee_that_had_written_nothing_yet(tmp_path, memory):
    words, kill = killed(tmp_path / "b", memory)
    words.put[0] = 1  # as at each start, until the drainer has looked
    words.put[2], words.came[2] = 4, 7_000
    kill()
    words, _, _ = opened(tmp_path / "b")
    assert words.line[ShadowLine.SEEN] == words.line[FAILED["lost"]] == 4
    assert not words.backlog
    assert words.losses()[0].first == words.losses()[0].last == 7_000


def test_a_tee_that_ended_in_order_has_lost_nothing(tmp_path, memory):
    directory = tmp_path / "b"
    directory.mkdir()
    write(directory, 3, run="earlier")
    words, kill = killed(directory, memory)
    words.put[1], words.came[1], words.stored[1] = 3, 5_000, 5_000
    kill()
    words, _, _ = opened(directory)
    assert words.line[ShadowLine.SEEN] == 3
    assert words.line[FAILED["lost"]] == 0
    assert words.losses() == []


def test_a_drainer_that_is_killed_while_it_counts_what_was_lost_counts_it_once(tmp_path, memory, monkeypatch):
    words, kill = killed(tmp_path / "b", memory)
    words.put[2], words.came[2] = 4, 7_000
    kill()
    shared = SpoolWords()

    def killed_here(*_):
        raise SystemExit

    for name in ("lose", "adopt"):
        with monkeypatch.context() as patched, contextlib.suppress(SystemExit):
            patched.setattr(Counts, name, killed_here)
            opened(tmp_path / "b", shared)
    words, _, _ = opened(tmp_path / "b", shared)
    assert words.line[ShadowLine.SEEN] == words.line[FAILED["lost"]] == 4
    assert not words.backlog


def test_nothing_goes_out_until_it_is_known_what_the_last_run_has_left(tmp_path):
    write(tmp_path, 2, run="earlier")
    write(tmp_path, 2, first=10)
    words, now = SpoolWords(), [time.time()]  # the last write was just now: is its writer still there?
    words.put[1] = 2
    source = Source(tmp_path, RUN, Counts(words, RUN), clock=lambda: now[0])
    source.refresh()
    assert source.orphans == 1
    assert source.peek() is None
    now[0] += 60
    source.refresh()
    assert [entry.clone.body for entry in everything(source)] == [b"0", b"1", b"10", b"11"]
    source.close()


def test_what_another_tee_writes_holds_nothing_for_long(tmp_path, monkeypatch):
    write(tmp_path, 2)
    sheet = a_sheet(tmp_path, run="another")
    sheet.append([(1, b"x")])
    words, clock = SpoolWords(), [1.0]
    words.put[1] = 2
    monkeypatch.setattr(module, "monotonic", lambda: clock[0])
    source = Source(tmp_path, RUN, Counts(words, RUN))
    source.refresh()
    assert everything(source) == []
    clock[0] += 4.0
    source.refresh()
    assert [entry.clone.body for entry in everything(source)] == [b"0", b"1"]
    sheet.append([(2, b"x")])
    source.refresh()
    assert source.orphans == 1
    source.close()
    sheet.close()


def test_a_file_of_the_future_is_nobodys(tmp_path):
    write(tmp_path, 2, run="earlier")
    (path,) = tmp_path.glob("*.spool")
    os.utime(path, (time.time() + 3600,) * 2)  # the clock was set back since
    source = Source(tmp_path, RUN, Counts(SpoolWords(), RUN))
    source.refresh()
    assert len(everything(source)) == 2
    source.close()


class Two:
    """Two processes of one run: what they have put into the spool, and what of it is stored."""

    def __init__(self, directory, monkeypatch):
        self.words, self.clock = SpoolWords(), 1.0
        self.now = time.time_ns() - 10**9
        for slot, numbers in ((1, (0, 2, 9)), (2, (1, 3, 4, 12))):
            assert self.words.take_slot() == slot
            sheet = Sheet(directory, partial(StreamName, RUN, slot, 1), SpoolSettings("", fsync="never", min_free=0.0))
            assert sheet.append([(self.now + each, encode(a_request(each), "lane")) for each in numbers])
            sheet.close()
            self.words.put[slot] = len(numbers)
            self.words.came[slot] = self.words.stored[slot] = self.now + numbers[-1]
        monkeypatch.setattr(module, "monotonic", lambda: self.clock)
        self.source = Source(directory, RUN, Counts(self.words, RUN))
        self.source.refresh()

    def late(self, slot, stored, came):
        """A clone came to a process, which has not stored it yet."""
        self.words.stored[slot], self.words.came[slot] = self.now + stored, self.now + came
        self.words.put[slot] += 1

    def read(self):
        self.clock += 0.1
        return [int(entry.clone.body) for entry in everything(self.source)]


@pytest.fixture
def two(tmp_path, monkeypatch):
    made = Two(tmp_path, monkeypatch)
    yield made
    made.source.close()


def test_the_clones_of_two_processes_go_out_in_the_order_in_which_they_came(two):
    assert two.read() == [0, 1, 2, 3, 4, 9, 12]


def test_what_came_later_waits_for_a_process_that_stores_late(two):
    two.late(1, stored=9, came=10)
    assert two.read() == [0, 1, 2, 3, 4, 9]
    two.words.stored[1] = two.words.came[1]
    assert two.read() == [12]


def test_each_of_two_processes_waits_for_the_other(two):
    two.late(1, stored=9, came=30)
    two.late(2, stored=4, came=31)  # as it was before 12 was stored
    assert two.read() == [0, 1, 2, 3, 4]
    two.words.stored[2] = two.words.came[2]
    assert two.read() == [9]
    two.words.stored[1] = two.words.came[1]
    assert two.read() == [12]


def test_a_process_that_stores_nothing_is_not_waited_for_any_more(two):
    two.late(1, stored=9, came=10)
    assert two.read() == [0, 1, 2, 3, 4, 9]
    two.clock += 6.0  # a full disk may take nothing until something has gone out
    assert two.read() == [12]


def test_a_process_that_has_ended_is_not_waited_for(two):
    two.late(1, stored=9, came=10)
    two.words.settle_death(1, 4)
    assert two.read() == [0, 1, 2, 3, 4, 9, 12]


def test_the_first_file_of_a_process_is_read_before_what_came_later_to_another(tmp_path):
    words = SpoolWords()
    for _ in range(2):
        words.take_slot()
    now = time.time_ns()

    def stores(slot, sheet, body, stamp):
        words.put[slot] += 1
        words.came[slot] = stamp
        assert sheet.append([(stamp, encode(a_request(body), ""))])
        words.stored[slot] = stamp

    settings = SpoolSettings(str(tmp_path.parent), fsync="never", min_free=0.0)
    one, other = (Sheet(tmp_path, partial(StreamName, RUN, slot, 1), settings) for slot in (1, 2))
    stores(1, one, 0, now - 900_000_000)
    words, _, source = opened(tmp_path, words)
    assert [entry.clone.body for entry in everything(source)] == [b"0"]
    stores(2, other, 1, now - 600_000_000)  # its file is new since the last look at the directory
    stores(1, one, 2, now - 300_000_000)
    time.sleep(2 * module._QUIET)
    assert [entry.clone.body for entry in everything(source)] == [b"1", b"2"]
