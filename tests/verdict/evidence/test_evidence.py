import json
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from random import Random

import pytest

from httptee.verdict.court import Again
from httptee.verdict.evidence import Unreadable, chest, read_pair, read_verdict
from httptee.verdict.evidence import evidence as module
from httptee.verdict.evidence.database import FILE
from httptee.verdict.evidence.evidence import Evidence
from tests.support.clock import Clock
from tests.support.house import ROOT
from tests.verdict.evidence.made import PRICE, difference, finding, outcome, pair, report, request, route


@pytest.fixture
def directory(tmp_path):
    return str(tmp_path / "verdict")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make(directory, clock):
    """Makes evidence, and closes all at the end."""
    made = []

    def build(directory=directory, **more):
        made.append(Evidence(directory, random=Random(1), clock=clock, **{"max_bytes": 8 << 20, **more}))
        return made[-1]

    yield build
    for one in made:
        one.close()


def test_a_pair_is_kept_and_found_by_its_number(make, directory):
    evidence = make()
    assert evidence.add(pair(7), [PRICE])
    assert evidence.pair(7).found == (PRICE,)
    assert evidence.pair(8) is None
    evidence.flush()
    assert read_pair(directory, 7).found == (PRICE,)
    assert evidence.failures == 0


def test_nothing_is_written_without_a_directory(make, tmp_path):
    evidence = make(directory=None)
    assert evidence.add(pair(7), [PRICE])
    evidence.publish([report()])
    assert evidence.pair(7) is not None
    assert len(evidence.reports()) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_keep_is_a_mistake():
    with pytest.raises(ValueError, match="paths, values, full"):
        Evidence(None, keep="everything")


@pytest.mark.parametrize("keep", ["paths", "values", "full"])
def test_as_much_is_kept_as_was_asked_for(make, keep):
    evidence = make(keep=keep)
    evidence.add(pair(1), [PRICE])
    assert (evidence.pair(1).keep, evidence.pair(1).request is not None) == (keep, keep == "full")


def test_a_pair_that_is_drawn_for_no_key_is_not_kept(make):
    evidence = make()
    kept = [evidence.add(pair(number), [PRICE]) for number in range(1, 2001)]
    assert kept[:25] == [True] * 25
    assert evidence.stored == sum(kept) < 300


def test_a_pair_without_a_difference_is_not_kept(make):
    assert not make().add(pair(1), [])


def test_repeats_are_added_to_a_pair_that_is_kept(make):
    evidence = make()
    evidence.add(pair(1), [PRICE])
    assert evidence.add(pair(1), [PRICE], Again(outcome(b"1"), outcome(b"2"), 1001.0))
    assert evidence.pair(1).again_b.body == b"2"
    assert evidence.stored == 1


def test_repeats_of_a_pair_that_was_not_kept_are_not_counted_again(make):
    evidence = make()
    number = next(number for number in range(1, 1000) if not evidence.add(pair(number), [PRICE]))
    count = next(iter(evidence._chest._samples.keys.values())).count
    assert not evidence.add(pair(number), [PRICE], Again(outcome(), outcome(), 1001.0))
    assert next(iter(evidence._chest._samples.keys.values())).count == count


def test_it_survives_a_restart(make, directory):
    first = make()
    assert first.chapter("b", "x") == 1
    for number in range(1, 31):
        first.add(pair(number), [PRICE])
    first.save("case b", {"court": [1, 2]})
    first.publish([report()])
    first.close()
    second = make()
    assert second.pair(3) is not None
    assert second.load("case b") == {"court": [1, 2]}
    assert second.reports()[0]["word"] == "NO"
    assert second.chapter("b", "x") == 1
    assert second.next_number() == max(n for n in range(1, 31) if second.pair(n)) + 1


def test_keys_go_on_counting_after_a_restart(make):
    first = make()
    first.chapter("b", "x")
    for number in range(1, 1001):
        first.add(pair(number), [PRICE])
    first.close()
    second = make()
    second.chapter("b", "x")
    kept = sum(second.add(pair(number), [PRICE]) for number in range(1001, 1101))
    assert kept < 10


def test_a_process_that_is_killed_loses_a_second_at_most(directory):
    script = (
        "import os, sys\n"
        "from httptee.verdict.evidence import Evidence\n"
        "from tests.verdict.evidence.made import PRICE, pair\n"
        "evidence = Evidence(sys.argv[1], max_age=1e12)\n"
        "evidence.add(pair(1), [PRICE])\n"
        "evidence.flush()\n"
        "evidence.add(pair(2), [PRICE])\n"
        "os.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, directory], cwd=ROOT, check=False, timeout=60)
    assert ended.returncode == -9
    again = Evidence(directory, max_age=1e12)
    assert again.failures == 0
    assert (again.pair(1) is not None, again.pair(2)) == (True, None)
    again.close()


def test_it_is_committed_once_a_second(make, directory, clock):
    evidence = make()
    evidence.add(pair(1), [PRICE])
    assert read_pair(directory, 1) is None
    clock.now += 1.1
    evidence.add(pair(2), [PRICE])
    assert read_pair(directory, 1) is not None


def test_what_is_too_old_is_removed(make, clock):
    evidence = make(max_age=100.0)
    evidence.add(pair(1, at=clock.now), [PRICE])
    clock.now += 101.0
    evidence.flush()
    assert evidence.pair(1) is None


def test_the_file_stays_below_its_limit(make, directory):
    evidence = make(max_bytes=1 << 20)
    for number in range(1, 2001):
        body = json.dumps({"x": Random(number).randbytes(700).hex()}).encode()
        evidence.add(pair(number, f"GET /{number}", a=outcome(body)), [PRICE])
    evidence.close()
    assert evidence.failures == 0
    assert 300_000 < os.stat(os.path.join(directory, FILE)).st_size <= 1 << 20


def test_the_chapter_of_a_pair_is_that_of_its_b(make):
    evidence = make()
    evidence.chapter("b", "one")
    evidence.add(pair(1), [PRICE])
    assert evidence.chapter("b", "two") == 2
    evidence.add(pair(2), [PRICE])
    evidence.add(pair(3, backend="c"), [PRICE])
    assert [evidence.pair(number).chapter for number in (1, 2, 3)] == [1, 2, 1]
    assert evidence.chapter("b", "two", reset=True) == 3


# --- What goes wrong ------------------------------------------------------------------------------------------------


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def goes_on(evidence):
    """Whether pairs and documents are still taken, if only in memory."""
    evidence.save("later", {"x": 1})
    return evidence.add(pair(900), [PRICE]) and evidence.pair(900) is not None and evidence.load("later") == {"x": 1}


def test_a_file_that_is_no_database_is_moved_aside_and_another_begins(make, directory, caplog):
    os.makedirs(directory)
    with open(os.path.join(directory, FILE), "wb") as file:
        file.write(b"garbage" * 5000)
    evidence = make()
    assert goes_on(evidence)
    evidence.flush()
    assert read_pair(directory, 900) is not None
    assert sorted(name for name in os.listdir(directory) if not name.endswith(("-wal", "-shm", ".lock"))) == [
        FILE, f"{FILE}.damaged",
    ]  # fmt: skip
    assert len(warnings(caplog)) == evidence.failures == 1


def test_a_file_that_is_damaged_in_the_middle_never_ends_the_judge(make, directory):
    first = make()
    for number in range(1, 200):
        first.add(pair(number, f"GET /{number}"), [PRICE])
    first.close()
    path = os.path.join(directory, FILE)
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (os.stat(path).st_size - 4096))
    second = make()
    assert goes_on(second)
    assert second.failures > 0


@pytest.mark.parametrize("place", ["a file", "below a file", "/proc/none", "a\0b"])
def test_a_directory_that_cannot_be_used_is_said_once(make, tmp_path, caplog, place, clock):
    (tmp_path / "a file").touch()
    evidence = make(directory=str(tmp_path / {"below a file": "a file/x"}.get(place, place)))
    for _ in range(3):
        assert goes_on(evidence)
        clock.now += 31.0
    assert evidence.failures >= 3
    assert len(warnings(caplog)) == 1


def test_while_the_file_is_locked_it_goes_on_in_memory_and_then_in_the_file(make, directory, clock, caplog):
    evidence = make()
    evidence.save("before", {"x": 0})
    lock = sqlite3.connect(os.path.join(directory, FILE), isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    assert goes_on(evidence)
    assert evidence.failures == 1
    assert len(warnings(caplog)) == 1
    lock.execute("ROLLBACK")
    lock.close()
    clock.now += 31.0
    assert evidence.add(pair(901), [PRICE])
    evidence.publish([report()])
    assert read_pair(directory, 901) is not None
    assert read_verdict(directory)["word"] == "NO"
    evidence.close()
    assert make().load("later") == {"x": 1}


def test_a_reader_that_does_not_end_makes_no_file_grow(make, directory, clock, caplog, monkeypatch):
    monkeypatch.setattr(chest, "_LONGEST_LOG", 1 << 20)
    evidence = make()
    evidence.save("before", {})
    reader = sqlite3.connect(os.path.join(directory, FILE), isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM documents").fetchone()
    for number in range(100):
        evidence.save("document", {"x": f"{number}" * 50_000})
        clock.now += 1.0
    assert os.stat(os.path.join(directory, f"{FILE}-wal")).st_size < 2 << 20
    assert goes_on(evidence)
    assert "a reader that does not end" in warnings(caplog)[0]
    reader.close()
    clock.now += 31.0
    assert goes_on(evidence)
    assert evidence._in_file
    assert os.stat(os.path.join(directory, f"{FILE}-wal")).st_size < 1 << 20


def test_a_second_tee_on_the_same_directory_goes_on_in_memory_and_changes_nothing(make, directory, clock, caplog):
    first, second = make(), make()
    assert first.add(pair(1), [PRICE])
    assert second.add(pair(1, route="GET /of/the/second"), [PRICE])
    second.save("case b", {"of": "the second"})
    first.flush()
    assert warnings(caplog) == [
        f"the evidence of the verdict in {directory} fails: another process writes to it; it goes on in memory"
    ]
    assert read_pair(directory, 1).route == "GET /x"
    assert first.load("case b") is None
    first.close()
    clock.now += 31.0
    assert goes_on(second)
    assert second._in_file


def test_a_directory_that_is_removed_is_made_again_with_what_is_known(make, directory, clock, caplog):
    evidence = make()
    evidence.save("case b", {"known": 1})
    shutil.rmtree(directory)
    assert goes_on(evidence)
    evidence.flush()
    assert "the file was removed" in warnings(caplog)[0]
    clock.now += 31.0
    evidence.flush()
    assert evidence._in_file
    evidence.close()
    assert make().load("case b") == {"known": 1}


def test_a_full_disk_never_ends_the_judge(make, caplog):
    evidence = make(max_bytes=1 << 18)  # the file may not grow beyond this, as on a full disk
    evidence.save("large", {"x": "y" * (1 << 20)})
    assert evidence.load("large") == {"x": "y" * (1 << 20)}
    assert goes_on(evidence)
    assert "full" in warnings(caplog)[0]


def test_a_newer_file_is_left_alone(make, directory):
    make().close()
    path = os.path.join(directory, FILE)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    evidence = make()
    assert goes_on(evidence)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM pairs").fetchone() == (0,)
    connection.close()
    with pytest.raises(Unreadable):
        read_verdict(directory)


def test_a_pair_whose_credentials_may_not_be_found_is_left_out(make, monkeypatch, caplog):
    def fail(*_):
        raise RecursionError("too deep")

    monkeypatch.setattr(module, "kept", fail)
    evidence = make()
    assert not evidence.add(pair(1), [PRICE])
    monkeypatch.undo()
    assert evidence.failures == 1
    assert "too deep" in warnings(caplog)[0]
    assert goes_on(evidence)


def test_a_number_that_sqlite_does_not_take_is_left_out(make):
    evidence = make()
    assert not evidence.add(pair(1 << 80), [PRICE])
    assert evidence.failures == 1
    assert goes_on(evidence)


def test_it_may_be_closed_twice_and_used_after(make):
    evidence = make()
    evidence.close()
    evidence.close()
    assert goes_on(evidence)


def test_strange_texts_are_taken(make):
    evidence = make()
    odd = pair(1, "GET /\udc80", asked=request("/\xff\x00", [("X", "\x00")]), backend="b\udc80")
    evidence.add(odd, [difference("$.\udc80", a="\ud800", b=b"\xff")])
    evidence.publish([report(routes=[route(findings=[finding(path="$.\udc80", a="\ud800")])])])
    assert goes_on(evidence)
