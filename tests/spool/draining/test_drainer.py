"""The loop of the drainer."""

import logging
import os
import threading
import time
from types import SimpleNamespace

import pytest

from httptee.build import draining, make_drained
from httptee.ledger import SpoolWords
from httptee.settings import Backend, Settings, SpoolSettings, shadow_settings
from httptee.spool import sheet
from httptee.spool.counts import DROPPED
from httptee.spool.draining import Drained, Drainer
from httptee.spool.draining import drained as drained_module
from httptee.spool.draining import drainer as module
from httptee.spool.pace import Settling
from httptee.spool.record import encode
from httptee.spool.watch import Watch

from ..spools import Bench, a_request, a_sheet, write


def drained(directory, bench, **settings):
    catchup = bench.catchup
    settings = SpoolSettings(str(directory.parent), **settings)
    return Drained(
        directory, settings, catchup, Watch(catchup), Settling(catchup.words), lambda: False, lambda: 1e6, lambda: None
    )


def test_it_works_until_nothing_is_left_and_one_works_in_a_directory(tmp_path):
    write(tmp_path, 5)
    bench = Bench(tmp_path, lambda request: 204)
    drainer = Drainer([lambda: drained(tmp_path, bench)])
    other = Drainer([lambda: drained(tmp_path, Bench(tmp_path, lambda request: 204))])
    drainer.step()
    other.step()
    assert (other.done, other.refused, drainer.refused) == (False, True, False)
    drainer.run(lambda: not drainer.done)
    assert len(bench.sent) == 5


def test_a_directory_that_cannot_be_made_is_said_once_and_tried_again(tmp_path, caplog):
    (tmp_path / "file").touch()
    directory = tmp_path / "file" / "b"
    drainer = Drainer([lambda: drained(directory, Bench(directory, lambda request: 204))])
    with caplog.at_level(logging.WARNING):
        for turn in drainer._turns * 3:
            turn.try_at = 0.0
            drainer.step()
    assert len(caplog.records) == 1
    drainer.close()


def test_an_answer_leads_to_the_next_clone_of_its_lane_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_BUSY", 3600.0)
    monkeypatch.setattr(module, "_IDLE", 0.01)
    write(tmp_path, 5)
    bench = Bench(tmp_path, lambda request: 204)
    answers, send = [], bench.catchup._send

    def answer_later(exchange):
        answers.append(threading.Timer(0.01, send, [exchange]))
        answers[-1].start()

    bench.catchup._send = answer_later
    drainer = Drainer([lambda: drained(tmp_path, bench)])
    drainer.run(lambda: len(bench.sent) < 5)
    for each in answers:
        each.join()
    assert [request.body for request in bench.sent] == [b"0", b"1", b"2", b"3", b"4"]


def test_the_rate_of_the_clones_that_come_is_not_too_high_if_the_drainer_waits_for_the_processor(monkeypatch):
    now = [0.0]

    def statements():
        now[0] += delay
        return [SimpleNamespace(backend="b", seen=int(1000 * now[0]), recovered=0, taken_over=0, dropped_by_reason={})]

    monkeypatch.setattr(draining, "monotonic", lambda: now[0])
    delay = 0.0
    live = draining.Live(SimpleNamespace(statements=statements), "b")
    for waited in (0.0, 1.5, 0.0, 0.9, 0.0, 0.0):
        delay = waited
        now[0] += 2.0
        live()
    assert 990 <= live() <= 1000


def test_only_the_clones_that_were_chosen_for_b_count_in_its_rate(monkeypatch):
    now = [0.0]

    def statements():
        seen = int(1000 * now[0])
        dropped = {
            "sampled_out": seen * 8 // 10,
            "filtered": seen // 10,
            "spool_full": seen // 20,
            "spool_expired": 700,
        }
        other = SimpleNamespace(backend="c", seen=10 * seen, recovered=0, taken_over=0, dropped_by_reason={})
        return [
            SimpleNamespace(backend="b", seen=seen + 900, recovered=900, taken_over=0, dropped_by_reason=dropped),
            other,
        ]

    monkeypatch.setattr(draining, "monotonic", lambda: now[0])
    live = draining.Live(SimpleNamespace(statements=statements), "b")
    now[0] += 2.0
    assert live() == 100.0


@pytest.mark.parametrize(("cut", "paused", "held"), [(1.0, False, False), (0.5, False, True), (1.0, True, True)])
def test_nothing_is_sent_while_the_cutoff_cuts_or_b_is_paused(monkeypatch, cut, paused, held):
    now = [0.0]
    monkeypatch.setattr(draining, "monotonic", lambda: now[0])
    monkeypatch.setattr(draining, "mean_share", lambda workers: workers[0])
    workers, orders = [cut], SimpleNamespace(paused=paused)
    found = draining.Held(SimpleNamespace(workers=lambda: workers), orders)
    assert found() is held
    workers[0], orders.paused = 1.0, False
    assert found() is (cut < 1.0)  # the cutoff is looked at now and then, since that costs more
    now[0] += 1.0
    assert not found()


@pytest.mark.parametrize(("rate", "cap"), [(0, 2e6), (50, 50.0)])
def test_without_a_tee_only_the_rate_that_was_asked_for_bounds_a_b(tmp_path, rate, cap):
    settings = Settings(b=(Backend.parse("http://127.0.0.1:1 name=b"),))
    spool = SpoolSettings(str(tmp_path), rate=rate)
    made = make_drained(settings, shadow_settings(settings)[0], spool, SpoolWords(), "run")
    made.catchup.pace.live = made.live()
    assert made.catchup.pace.cap == cap
    made.close()


def full_of_clones(directory, count=6000, per_segment=1000):
    """A spool with few lanes and several files, and one turn of its drainer, while B is down. Returns the statement."""
    sheet = a_sheet(directory)
    stamp = time.time_ns() - 10**9
    for first in range(0, count, per_segment):
        clones = range(first, first + per_segment)
        assert sheet.append([(stamp + each, encode(a_request(each), f"lane{each % 3}")) for each in clones])
        sheet.rest()
    sheet.close()
    return Bench(directory, lambda request: "connect")


def one_turn(directory, bench, monkeypatch, **settings):
    monkeypatch.setattr(drained_module, "_MAKES_ROOM", 60.0)  # also where the disk of the test is slow
    drainer = Drainer([lambda: drained(directory, bench, **settings)])
    drainer.step()
    return bench.words.line[DROPPED["spool_full"]]


def left(bench):
    """What is left for B, once it is up."""
    bench.answer = lambda request: 204
    bench.run(lambda: bench.level)
    return [int(request.body) for request in bench.sent]


def test_the_oldest_make_room_at_the_limit_of_bytes_at_once(tmp_path, monkeypatch):
    bench = full_of_clones(tmp_path)
    size = sum(path.stat().st_size for path in tmp_path.glob("*.spool"))
    limit = size // 2
    dropped = one_turn(tmp_path, bench, monkeypatch, max_bytes=limit, min_free=0.0)
    assert bench.source.size <= limit
    assert 3000 <= dropped < 4500
    assert sorted(set(left(bench))) == list(range(dropped, 6000))


def on_a_disk(monkeypatch, directory, free, total=1 << 30):
    """A disk of so many bytes, with so many free beside what the directory holds at first."""
    held = sum(path.stat().st_size for path in directory.glob("*.spool"))

    def statvfs(path):
        now = sum(each.stat().st_size for each in directory.glob("*.spool"))
        return SimpleNamespace(f_frsize=1, f_blocks=total, f_bavail=free + held - now)

    monkeypatch.setattr(sheet, "os", SimpleNamespace(**{**vars(os), "statvfs": statvfs}))


@pytest.mark.parametrize(("min_free", "least"), [(5.0, (1 << 30) // 20), (0.0, 1 << 20)])
def test_the_oldest_make_room_on_a_disk_with_too_little(tmp_path, monkeypatch, min_free, least):
    bench = full_of_clones(tmp_path)
    on_a_disk(monkeypatch, tmp_path, least - 200_000)
    dropped = one_turn(tmp_path, bench, monkeypatch, min_free=min_free)
    assert 500 <= dropped < 3000
    assert bench.words.losses()[0].reason == "spool_full"


def test_nothing_is_dropped_where_others_have_filled_the_disk(tmp_path, monkeypatch):
    bench = full_of_clones(tmp_path)
    on_a_disk(monkeypatch, tmp_path, 0)
    assert one_turn(tmp_path, bench, monkeypatch, min_free=50.0) == 0


def test_the_newest_are_not_dropped_by_the_drainer(tmp_path, monkeypatch):
    bench = full_of_clones(tmp_path, count=1000)
    assert one_turn(tmp_path, bench, monkeypatch, max_bytes=1000, full="newest") == 0
