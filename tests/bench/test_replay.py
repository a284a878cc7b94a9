import pytest

from bench.programs.nginx_log import Logged, parsed
from bench.scenarios import replay
from httptee.recording import read_recording


@pytest.fixture
def recorded(tmp_path):
    made = replay.record(tmp_path, 1, rate=50)
    assert [one.target for one in read_recording([tmp_path])] == [one.target for one in made]
    return made


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
