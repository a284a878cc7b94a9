import io

import pytest

from httptee.replay.figures import progress as module
from httptee.replay.figures.progress import LiveProgress, PlainProgress, left, line, progress_of
from tests.replay.figures.test_tally import sent, tally


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_line_has_the_rate_the_lateness_and_the_rest_of_the_time():
    made = tally(sent(late=0.002), sent("reset", 0))
    assert line(made, 0.25, 2.0) == " 25%  2 sent  1/s  late p99 2.00 ms  1 failed  0:06 left"
    assert "late p99 0.00 ms" in line(made, None, 2.0)  # a new second
    assert "left" not in line(made, None, 2.0)


@pytest.mark.parametrize(("seconds", "said"), [(0, "0:00"), (150.4, "2:30"), (3909, "1:05:09"), (-1, "0:00")])
def test_the_rest_of_the_time(seconds, said):
    assert left(seconds) == said


def test_a_plain_line_comes_every_ten_seconds():
    said = []
    progress = PlainProgress(said.append)
    for second in range(1, 31):
        progress.show(tally(sent()), 0.5, float(second))
    progress.close()
    assert len(said) == 3


def test_without_a_terminal_the_lines_are_plain():
    stream = io.StringIO()
    progress = progress_of(stream)
    progress.show(tally(sent()), 0.5, 10.0)
    assert stream.getvalue().endswith(" left\n")
    assert "\x1b" not in stream.getvalue()


def test_on_a_terminal_the_line_changes():
    pytest.importorskip("rich")
    stream = Terminal()
    progress = progress_of(stream)
    assert isinstance(progress, LiveProgress)
    progress.show(tally(sent()), 0.5, 1.0)
    progress.close()
    assert "1 sent" in stream.getvalue()
    assert "\x1b" in stream.getvalue()


def test_without_rich_a_terminal_gets_plain_lines(monkeypatch):
    def missing(stream):
        raise ImportError("rich")

    monkeypatch.setattr(module, "LiveProgress", missing)
    assert isinstance(progress_of(Terminal()), PlainProgress)
