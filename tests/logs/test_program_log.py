import json
import logging
import os
import re
import sys

import pytest

from httptee.logs.program_log import LOG_FORMATS, HoldBack
from httptee.settings.options import BY_NAME


@pytest.fixture
def log():
    """A logger behind a filter whose clock stands still until a test moves it."""

    class Log:
        now = 100.0

        def __init__(self):
            self.lines = []
            self.filter = HoldBack(quiet=10.0, clock=lambda: self.now)
            self.logger = logging.getLogger("test.logs")
            self.logger.propagate = False
            self.handler = logging.Handler()
            self.handler.emit = lambda record: self.lines.append(record.getMessage())
            self.handler.addFilter(self.filter)
            self.logger.addHandler(self.handler)
            self.logger.setLevel(logging.INFO)

    made = Log()
    yield made
    made.logger.removeHandler(made.handler)


def test_the_same_warning_passes_once_and_the_next_one_says_how_many_did_not(log):
    for _ in range(5):
        log.logger.warning("out of %s", "descriptors")
    assert log.lines == ["out of descriptors"]
    log.now += 10
    log.logger.warning("out of %s", "descriptors")
    assert log.lines[1:] == ["out of descriptors (4 more like this held back)"]


def test_warnings_that_differ_do_not_hold_each_other_back(log):
    log.logger.warning("%s is down", "x")
    log.logger.warning("%s is down", "y")
    log.logger.error("x is down")
    assert log.lines == ["x is down", "y is down", "x is down"]


def test_news_is_never_held_back(log):
    for _ in range(3):
        log.logger.info("a ledger line")
    assert len(log.lines) == 3


def test_a_flood_that_has_ended_is_counted_by_flush_once(log):
    for _ in range(4):
        log.logger.warning("100%% bad")
    log.filter.flush()
    assert len(log.lines) == 1
    log.now += 10
    log.filter.flush()
    log.filter.flush()
    assert log.lines[1:] == ["100%% bad (3 more like this held back)"]


def test_an_exception_keeps_its_traceback_and_is_held_back_like_the_rest(log):
    seen = []
    log.handler.emit = lambda record: seen.append(record.exc_info is not None)
    for _ in range(3):
        try:
            raise RuntimeError("a bug")
        except RuntimeError:
            log.logger.exception("a thread failed")
    assert seen == [True]


def test_what_is_kept_in_mind_is_bounded(log):
    for number in range(3000):
        log.logger.warning("number %d", number)
    assert len(log.filter._kinds) == 1000


def test_what_was_held_back_of_a_message_that_is_forgotten_is_counted(log, caplog):
    for _ in range(3):
        log.logger.warning("the first")
    log.logger.warning("another")
    log.logger.warning("another")
    for number in range(1500):
        log.logger.warning("number %d", number)
    log.filter.flush()
    log.filter.flush()
    assert [record.getMessage() for record in caplog.records if record.name.startswith("httptee")] == [
        "3 more warnings held back, each like one that was logged"
    ]


def test_in_json_each_record_is_one_object_on_one_line():
    try:
        raise RuntimeError("a bug\nwith two lines")
    except RuntimeError:
        record = logging.LogRecord("httptee.x", logging.ERROR, "", 1, "B %s fails: \xe9\n", ("b",), sys.exc_info())
    line = LOG_FORMATS["json"]().format(record)
    assert line.isascii()
    assert line.splitlines() == [line]
    found = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found.pop("time"))
    assert "RuntimeError: a bug" in found.pop("exception")
    assert found == {"level": "ERROR", "logger": "httptee.x", "pid": os.getpid(), "message": "B b fails: \xe9\n"}


def test_the_formats_of_the_log_are_the_words_of_the_option():
    assert set(LOG_FORMATS) == set(BY_NAME["log-format"].cast.keywords["words"])
