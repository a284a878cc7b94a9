from dataclasses import replace

import pytest

from bench.programs.clients.paced_bodies import asked
from bench.programs.load import Outcome
from bench.programs.nginx_log import Logged, parsed
from bench.scenarios import replay
from bench.scenarios.recording.taken import differing
from httptee.recording import Exchange, Kept

BEGAN = 1_800_000_000 * 10**9


def sent(number):
    """The exchange of one numbered request, about 20 ms after the one before it."""
    method, target, body = asked(number)
    arrived = BEGAN + number * 20_000_000 + number % 3 * 1_000_000
    fields, answer = (("Host", "bench"),), Kept.of(b"ok")
    return Exchange(
        number % 4, number, "192.0.2.1", arrived, 1, 2, method, target, fields, Kept.of(body), 200, "OK", (), answer
    )


@pytest.fixture
def recorded():
    return [sent(number) for number in range(50)]


def figures(**changed):
    return {"sent": 50, "began": 1000.0, "late": {"p99": 0.001}, "seconds": 1.0, **changed}


def arrived(recorded, late=0.001, words=("--speed", "2")):
    due = replay.due_times(recorded, list(words))
    return due, [
        Logged(number, 1000.0 + due[number] + late, f"{one.method} {one.target}", one.body.data)
        for number, one in enumerate(recorded)
    ]


def stamps(due, late):
    return {number: 1000.0 + at + late for number, at in enumerate(due)}


def test_what_arrives_once_whole_and_in_time_is_fine(recorded):
    due, logged = arrived(recorded)
    found = replay.compared(recorded, due, figures(), logged, stamps(due, 0.0004))
    assert (found.missing, found.repeated, found.changed) == (0, 0, 0)
    assert (found.off_p99, found.log_p99) == (pytest.approx(0.4), pytest.approx(1.0))
    assert found.drift == pytest.approx(0.0, abs=1e-6)


def test_what_is_missing_twice_or_changed_is_counted(recorded):
    due, logged = arrived(recorded)
    logged = [*logged[1:], logged[5], Logged(7, logged[7].at, "GET /other", b"")]
    found = replay.compared(recorded, due, figures(), logged, stamps(due, 0.0))
    assert (found.missing, found.repeated, found.changed) == (1, 2, 1)


def test_a_rate_is_even(recorded):
    assert replay.due_times(recorded, ["--rate", "100/s"])[:3] == [0.0, 0.01, 0.02]


def test_a_line_of_the_log_has_the_bytes_of_the_body():
    line = r'1700000000.250 0.200 "17" "PUT /body/17" "a\x22\x00\xFFb"'
    assert parsed(line) == Logged(17, pytest.approx(1700000000.0505), "PUT /body/17", b'a"\x00\xffb')
    assert parsed("no line") is None


def test_a_recording_is_compared_with_the_load_that_it_is_of(recorded):
    load = Outcome(50, 1.0, 1.0, 1.0, 0)
    assert differing(load, recorded) == ""
    changed = [*recorded[:20], replace(recorded[20], body=Kept.of(b"other")), *recorded[22:]]
    assert differing(load, changed) == ("of 50 requests, 0 failed, the recording lacks 2 and has 1 that were not sent")
    assert differing(Outcome(49, 1.0, 1.0, 1.0, 1), recorded).startswith("of 50 requests, 1 failed")


def stopped(due, send):
    rows = [{"scenario": name, "p90": value} for name, value in ((replay.FROM_DUE, due), (replay.FROM_SEND, send))]
    return {"kind": "replay", "tables": [{"title": replay.STOPPED, "rows": rows}]}


@pytest.mark.parametrize(("due", "send", "holds"), [(892.0, 5.3, [True, True]), (5.3, 5.3, [False, True]),
                                                     (892.0, 892.0, [True, False])])  # fmt: skip
def test_a_server_that_stood_still_must_show_from_the_due_time_alone(due, send, holds):
    targets = [one for one in replay.TARGETS if "stopped" in one.text]
    assert [one.holds(one.measure(stopped(due, send))) for one in targets] == holds
    assert [one.measure({"kind": "replay", "tables": []}) for one in targets] == [None, None]
