"""A goes down and comes up: two lines in the log, for all worker processes and at most once in a while."""

import logging

import pytest

from httptee import primary
from httptee.errors import UpstreamConnectError, UpstreamReset, UpstreamTimeout, UpstreamTLSError
from httptee.ledger.columns import OUTAGE_WORDS
from httptee.ledger.ledger import Ledger
from httptee.ledger.shared import shared_words
from httptee.primary import Outage, Primary
from httptee.transport.timeouts import Timeouts


class Site:
    """Worker processes of one tee, and the clock that they share."""

    def __init__(self, processes=1):
        self.now, self.failed_requests = 1000.0, 0
        words = shared_words(OUTAGE_WORDS)
        self.processes = [
            Outage("http://a:1", words, lambda: self.failed_requests, lambda: self.now) for _ in range(processes)
        ]

    def fail(self, error, times=1, process=0):
        for _ in range(times):
            self.failed_requests += 1
            self.processes[process].failed(error)

    def answer(self, process=0):
        if self.processes[process].words[primary._FAILURES]:
            self.processes[process].recovered()


@pytest.fixture(autouse=True)
def every_level(caplog):
    caplog.set_level(logging.INFO)


def said(caplog):
    return [record.message for record in caplog.records]


def unsent(error):
    error.unsent = True
    return error


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (UpstreamConnectError("refused"), "connect (refused); clients get 502 until it answers"),
        (unsent(UpstreamTimeout("no SYN")), "timeout (no SYN); clients get 504 until it answers"),
        (unsent(UpstreamTLSError("expired")), "tls (expired); clients get 502 until it answers"),
    ],
)
def test_one_request_without_a_connection_is_an_outage(error, line, caplog):
    site = Site()
    site.fail(error)
    assert said(caplog) == [f"A http://a:1 is down: {line}"]


def test_other_failures_are_one_after_five_in_a_row(caplog):
    site = Site()
    site.fail(UpstreamTimeout("slow"), 4)
    site.answer()
    site.fail(UpstreamReset("gone"), 4)
    assert said(caplog) == []
    site.fail(UpstreamTimeout("slow"))
    assert len(said(caplog)) == 1


def test_the_end_has_the_time_and_the_failures_of_all_processes(caplog):
    site = Site(processes=2)
    site.failed_requests = 70  # of earlier outages
    site.fail(UpstreamTimeout("slow"), 3, process=1)
    site.now += 2.5
    site.fail(UpstreamTimeout("slow"), 2)
    site.fail(UpstreamConnectError("refused"), 30, process=1)
    site.now += 10
    site.answer(process=1)
    site.answer()
    assert said(caplog)[1:] == ["A http://a:1 is up again after 12.5 s; 35 requests failed"]
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_an_a_that_flaps_makes_at_most_one_pair_of_lines_in_ten_seconds(caplog):
    site = Site()
    for _ in range(1000):
        site.fail(UpstreamConnectError("refused"))
        site.answer()
        site.now += 0.025
    assert len(said(caplog)) == 2 * 3


def test_an_outage_that_begins_in_the_quiet_time_is_logged_after_it(caplog):
    site = Site()
    site.fail(UpstreamConnectError("refused"))
    site.answer()
    site.now += 9
    site.fail(UpstreamConnectError("refused"), 3)
    assert len(said(caplog)) == 2
    site.now += 2
    site.fail(UpstreamConnectError("refused"))
    site.answer()
    assert said(caplog)[-1] == "A http://a:1 is up again after 2.0 s; 4 requests failed"


def test_a_reload_keeps_the_state():
    first = Ledger(["b"])
    first.outage[0] = 1
    assert Ledger(["b", "c"], 2, [first]).outage[0] == 1


class Unreachable:
    def __init__(self, error=None):
        self.error, self.connections = error, 0

    def connect(self, timeout):
        self.connections += 1
        if self.error is not None:
            raise self.error
        return self

    def send(self, request, timeouts, cancellation=None):
        raise self.error

    def close(self):
        pass


@pytest.mark.parametrize("error", [UpstreamConnectError("refused"), UpstreamTLSError("expired"), OSError("nothing")])
def test_the_look_at_the_start_warns_and_counts_nothing(error, caplog):
    ledger, site = Ledger([]), Site()
    Primary(Unreachable(error), Timeouts(1, 1, 1), ledger.worker(0), site.processes[0]).look()
    assert len(said(caplog)) == 1
    site.answer()
    assert said(caplog)[-1].endswith("; 0 requests failed")
    assert ledger.primary().errors_by_reason == {}


def test_the_look_says_nothing_where_a_is_there_and_is_not_taken_after_a_request(caplog):
    there = Unreachable()
    Primary(there, Timeouts(1, 1, 1), Ledger([]).worker(0), Site().processes[0]).look()
    assert there.connections == 1
    asked = Unreachable(UpstreamReset("gone"))
    primary = Primary(asked, Timeouts(1, 1, 1), Ledger([]).worker(0), Site().processes[0])
    assert primary.answer(None).status == 502
    primary.look()
    assert (asked.connections, said(caplog)) == (0, [])
