"""The verdict at one moment, from the evidence and the counts of the worker processes."""

import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from httptee.admin.judged import Judged, judged
from httptee.verdict.evidence import Evidence
from httptee.verdict.pairs import Tallies
from tests.support.net import eventually
from tests.verdict.evidence.made import report, route
from tests.verdict.pairs.test_tallies import count


def published(directory, *reports, at=None, **judge):
    evidence = Evidence(str(directory), clock=(lambda: at) if at else time.time)
    evidence.publish(reports, judge={"pid": os.getpid(), **judge})
    evidence.close()
    return str(directory)


def test_reports_and_counts_stand_side_by_side(tmp_path):
    tallies = Tallies(["b"])
    count(tallies.row(0), "GET /x", chosen=3, equal=2, unequal=1)
    tallies.row(0).missed(0)
    found = judged(published(tmp_path, report("NO", "b")), tallies)
    assert found.reports["b"].word == "NO"
    assert (found.sums["b"]["GET /x"].judged, found.missed, found.backends) == (3, {"b": 1}, ("b",))
    assert (found.error, found.state) == ("", "running")
    assert 0 <= found.age < 60


def test_counts_have_the_names_that_the_reports_have(tmp_path):
    tallies = Tallies(["b"])
    count(tallies.row(0), "GET /users/bob", chosen=3)
    there = published(tmp_path, report("NO", "b", [route("GET /users/{name}")]))
    assert list(judged(there, tallies).sums["b"]) == ["GET /users/{name}"]


def test_without_reports_the_counts_are_still_there(tmp_path):
    tallies = Tallies(["b"])
    count(tallies.row(0), "GET /x", chosen=3)
    found = judged(str(tmp_path / "nowhere"), tallies)
    assert (found.reports, found.age, found.state) == ({}, None, "starting")
    assert "no such directory" in found.error
    assert found.sums["b"]["GET /x"].chosen == 3


def test_a_report_that_is_none_is_said_and_no_error(tmp_path):
    there = published(tmp_path, report("NO", "b"))
    with sqlite3.connect(f"{there}/verdict.sqlite") as connection:
        connection.execute("""UPDATE documents SET value = '{"at": 1, "reports": [{"routes": 5}]}'""")
    connection.close()
    found = judged(there, None)
    assert found.reports == {}
    assert found.error.startswith("not a report")


def test_a_judge_that_makes_no_reports_is_silent(tmp_path):
    assert judged(published(tmp_path, at=time.time() - 100), None).state == "silent"


@pytest.mark.parametrize("pid", [0, -1, 1 << 70, "x", None])
def test_what_is_no_process_is_gone(pid):
    assert Judged({"judge": {"pid": pid}}).state == "gone"


def test_a_judge_may_be_stopped_and_be_gone():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        found = Judged({"judge": {"pid": process.pid}})
        assert found.state == "running"
        process.send_signal(signal.SIGSTOP)
        eventually(lambda: found.state == "stopped")
        process.kill()
        eventually(lambda: found.state == "gone")  # also before it is waited for
    assert found.state == "gone"
