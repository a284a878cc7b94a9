"""The loop of the drainer."""

import logging
import threading
from types import SimpleNamespace

import pytest

from httptee.build import make_drained, spooling
from httptee.ledger import SpoolWords
from httptee.settings import Backend, Settings, SpoolSettings, shadow_settings
from httptee.spool import drainer as module
from httptee.spool.drainer import Drained, Drainer
from httptee.spool.pace import Settling
from httptee.spool.watch import Watch

from .spools import Bench, write


def drained(directory, bench):
    catchup = bench.catchup
    settings = SpoolSettings(str(directory.parent))
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
    assert not other.done
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
        return [SimpleNamespace(backend="b", seen=int(1000 * now[0]), recovered=0)]

    monkeypatch.setattr(spooling, "monotonic", lambda: now[0])
    delay = 0.0
    live = spooling._Live(SimpleNamespace(statements=statements), "b")
    for waited in (0.0, 1.5, 0.0, 0.9, 0.0, 0.0):
        delay = waited
        now[0] += 2.0
        live()
    assert 990 <= live() <= 1000


@pytest.mark.parametrize(("rate", "cap"), [(0, 2e6), (50, 50.0)])
def test_without_a_tee_only_the_rate_that_was_asked_for_bounds_a_b(tmp_path, rate, cap):
    settings = Settings(b=(Backend.parse("http://127.0.0.1:1 name=b"),))
    spool = SpoolSettings(str(tmp_path), rate=rate)
    made = make_drained(settings, shadow_settings(settings)[0], spool, SpoolWords(), "run")
    made.catchup.pace.live = made.live()
    assert made.catchup.pace.cap == cap
    made.close()
