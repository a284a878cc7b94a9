"""Each clone that leaves the spool counts once, also if the drainer is killed at any place."""

import pytest

from httptee.ledger import ADOPTED, ShadowLine, SpoolWords
from httptee.spool.counts import DROPPED, FAILED, Counts, delivered
from httptee.spool.names import StreamName
from httptee.spool.stream import Stream

from .spools import RUN, write

NAME = StreamName(RUN, 1, 1)


class Killed(BaseException):
    """The process ends here."""


class Fragile:
    """Memory whose writer is killed after a number of writes."""

    def __init__(self, words, budget):
        self.words, self.budget = words, budget

    def __getitem__(self, at):
        return self.words[at]

    def __setitem__(self, at, value):
        if not self.budget[0]:
            raise Killed
        self.budget[0] -= 1
        self.words[at] = value


@pytest.mark.parametrize("writes", range(16))
def test_a_drainer_that_is_killed_anywhere_counts_a_clone_once(tmp_path, writes):
    write(tmp_path, 1)
    words = SpoolWords()
    words.put[1] = 1
    counts = Counts(words, RUN)
    stream = Stream(tmp_path, NAME)
    entry = stream.peek(alive=True)
    budget = [writes]
    whole = words.line, words.left, words.intent
    words.line, words.left, words.intent = (Fragile(each, budget) for each in whole)
    killed = False
    try:
        counts.settle(entry, delivered(204), 0.25)
    except Killed:
        killed = True
    words.line, words.left, words.intent = whole

    again, place = Counts(words, RUN), Stream(tmp_path, NAME)
    if unfinished := again.unfinished():
        assert unfinished == (NAME, 1)
        place.settle(1)
        again.finish()
    if (rest := place.peek(alive=False)) is not None:
        assert killed
        place.take()
        again.settle(rest, delivered(204), 0.25)
    assert words.line[delivered(204)] == 1
    assert sum(words.line[column] for column in ShadowLine.BUCKETS) == 1
    assert words.line[ShadowLine.MICROSECONDS] == 250_000
    assert words.left[1] == words.put[1]


def test_what_an_earlier_run_has_left_is_seen_once():
    words = SpoolWords()
    first = Counts(words, RUN)
    assert first.adopt([(StreamName("earlier", 1, 1), 5)])
    assert Counts(words, RUN).adopt([(StreamName("later", 1, 1), 2)])
    assert Counts(words, RUN).adopted == [StreamName("earlier", 1, 1), StreamName("later", 1, 1)]
    assert words.line[ShadowLine.SEEN] == words.put[ADOPTED] == 7


def test_what_is_on_no_disk_is_lost():
    words = SpoolWords()
    words.put[1] = 3
    Counts(words, RUN).lose(1, 3)
    assert words.line[FAILED["lost"]] == 3
    assert not words.backlog
    assert "spool_full" in DROPPED


def test_what_was_about_to_be_counted_names_the_stream_of_the_last_clone(tmp_path):
    write(tmp_path, 2)
    write(tmp_path, 1, number=2)
    words = SpoolWords()
    counts = Counts(words, RUN)
    one, two = (Stream(tmp_path, StreamName(RUN, 1, number)) for number in (1, 2))
    for stream in (one, two, one):
        entry = stream.peek(alive=False)
        stream.take()
        counts.settle(entry, delivered(204))
        words.intent[0] = 1  # as if the drainer was killed before the end
        assert Counts(words, RUN).unfinished() == (stream.name, entry.sequence)
        counts.finish()
    counts.lose(1, 1)
    words.intent[0] = 1
    assert Counts(words, RUN).unfinished() == (None, 0)
