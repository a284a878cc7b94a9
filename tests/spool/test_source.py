"""All streams of one B."""

import time

from httptee.ledger import SpoolWords
from httptee.spool.counts import FAILED, Counts, delivered
from httptee.spool.record import encode
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
