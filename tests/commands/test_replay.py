"""`httptee replay`, from its command line to its exit status, against servers in this process."""

import json
import os
import signal
from pathlib import Path

import pytest

from httptee.commands.cli import main
from httptee.journal import Segment
from httptee.recording import Recording, RecordingWriter, read_recording
from httptee.replay.figures import report
from httptee.replay.replaying import Live
from tests.replay.made import NOON, exchange
from tests.support.backend import Backend
from tests.support.net import free_port
from tests.support.scripts import response

JSON = [("Content-Type", "application/json")]


def price(request):
    """A shop whose prices follow from the number in the path."""
    number = int(request.target.rpartition("/")[2])
    return response(body=b'{"price":%d,"name":"thing"}' % (100 + number), headers=JSON)


def dearer(request):
    answer = price(request)
    return answer.replace(b'"price":10', b'"price":99') if "/price/" in request.target else answer


def recorded(directory, count=600, primary="http://a.example:8001"):
    """GETs to two routes, each of ten things, and what the shop answered."""
    with RecordingWriter(directory, primary) as writer:
        for number in range(count):
            target = f"/{'price' if number % 2 else 'stock'}/{number % 10}"
            body = b'{"price":%d,"name":"thing"}' % (100 + number % 10)
            fields = [*JSON, ("Content-Length", str(len(body)))]
            writer.write(exchange(number, target=target, connection=number % 4, answer=body, answer_headers=fields))
    return str(directory)


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recording = recorded(tmp_path / "recording")

    def command(*words, place=recording):
        status = main(["replay", place, *words])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return status, out, err

    return command


def test_the_same_answers_are_a_yes_and_0(run):
    with Backend(price) as backend:
        status, out, _ = run("--to", backend.url, "--rate", "2000/s", "--delta", "2")
        assert len(backend.requests) == 600
    assert "600 recorded = 600 sent + 0 filtered + 0 failed to send\n" in out
    assert "YES  B" in out
    assert status == 0


def test_other_answers_are_a_no_and_1_and_only_their_route_differs(run):
    with Backend(dearer) as backend:
        status, out, _ = run("--to", backend.url, "--rate", "2000/s", "--delta", "2", "--json")
    found = json.loads(out)
    assert {route["route"]: route["word"] for route in found["reports"][0]["routes"]} == {
        "GET /price/{int}": "NO", "GET /stock/{int}": "YES",
    }  # fmt: skip
    assert (status, found["word"], found["replay"]["sent"]) == (1, "NO", 600)


def test_too_few_answers_are_not_enough_and_3(run):
    with Backend(price) as backend:
        status, out, _ = run("--to", backend.url, "--rate", "2000/s", "--limit", "20")
    assert status == 3
    assert "NOT YET  B" in out
    assert "A was not asked again" in out


def test_a_generator_that_is_late_is_3_whatever_differs(run, monkeypatch):
    monkeypatch.setattr(report, "LATEST", 0.0)
    with Backend(dearer) as backend:
        status, out, _ = run("--to", backend.url, "--rate", "2000/s", "--delta", "2")
    assert status == 3
    assert "The generator could not keep up" in out
    assert "NO  B" in out


def test_the_verdict_is_kept_for_the_command_verdict(run, tmp_path, capsys):
    with Backend(dearer) as backend:
        run("--to", f"{backend.url} name=candidate", "--max", "-c", "4", "--verdict", str(tmp_path / "evidence"))
    assert main(["verdict", str(tmp_path / "evidence"), "--json"]) == 1
    found = json.loads(capsys.readouterr()[0])
    assert [report["backend"] for report in found["reports"]] == ["candidate"]
    (finding,) = (one for route in found["reports"][0]["routes"] for one in route["findings"] if one["examples"])
    assert main(["verdict", "show", str(finding["examples"][0]), str(tmp_path / "evidence")]) == 0


def test_a_page_is_written(run, tmp_path):
    with Backend(price) as backend:
        run("--to", backend.url, "--max", "--html", "page.html")
    assert "<!DOCTYPE html>" in (tmp_path / "page.html").read_text()


def test_without_a_comparison_the_generator_alone_decides(run):
    with Backend(dearer) as backend:
        status, out, _ = run("--to", backend.url, "--max", "--no-compare")
    assert status == 0
    assert "verdict" not in out
    assert "YES" not in out


def test_where_nothing_is_answered_it_is_not_enough(run):
    status, out, _ = run("--to", f"http://127.0.0.1:{free_port()}", "--max", "--no-compare")
    assert status == 3
    assert "600 failed to send (connect: 600)" in out
    assert "note: no request was answered: the exit status is 3" in out


def test_where_nothing_is_sent_it_says_that(run):
    status, out, _ = run("--to", "http://b.invalid methods=POST", "--max")
    assert status == 3
    assert "600 recorded = 0 sent + 600 filtered (filtered: 600)" in out
    assert out.endswith("note: no request was sent\n")


def test_a_page_that_cannot_be_written_takes_the_report_not_away(run):
    with Backend(price) as backend:
        status, out, err = run("--to", backend.url, "--max", "--limit", "5", "--html", "none/page.html")
    assert status == 4
    assert "600 recorded = 5 sent" in out
    assert "none/page.html: cannot be written" in err


def test_a_recording_that_breaks_off_while_it_is_read_gives_a_report_of_what_was_sent(run, tmp_path, monkeypatch):
    """A tee that still records removes its oldest file when it has too much."""
    for number in range(2):
        recorded(tmp_path / "parts" / str(number), 20)
    places = [str(tmp_path / "parts" / str(number)) for number in range(2)]
    with RecordingWriter(places[1]) as writer:
        writer.write(exchange(5000, target="/late/1"))
    (last,) = (path for path in Path(places[1]).iterdir() if read_recording([path]).count == 1)

    def gone(recording, *words):
        for one in between(recording, *words):
            last.unlink(missing_ok=True)
            yield one

    between = Recording.between
    monkeypatch.setattr(Recording, "between", gone)
    with Backend(price) as backend:
        status, out, err = run(places[0], "--to", backend.url, "--max", place=places[1])
    assert status == 4
    assert "41 recorded = 40 sent + 0 filtered + 0 failed to send + 1 not reached\n" in out
    assert f"the recording cannot be read to its end: {last}: No such file or directory" in err


def test_a_live_a_is_asked(run):
    with Backend(dearer) as backend, Backend(price) as a:
        status, out, _ = run("--to", backend.url, "--max", "--a", a.url, "--a-rate", "1000/s")
        assert {request.target.rpartition("/")[0] for request in a.requests} == {"/price"}
    assert status in (1, 3), out  # how much is asked while the replay lasts, is a matter of time
    assert "A was not asked again" not in out


def test_ctrl_c_while_a_live_a_is_asked_at_the_end_gives_the_report(run, monkeypatch):
    def finish(live, *words):
        os.kill(os.getpid(), signal.SIGINT)
        return whole(live, *words)

    whole = Live.finish
    monkeypatch.setattr(Live, "finish", finish)
    before = signal.getsignal(signal.SIGINT)
    with Backend(dearer) as backend, Backend(price) as a:
        status, out, _ = run("--to", backend.url, "--max", "--a", a.url, "--a-rate", "0.001/s")
    assert status == 130
    assert "600 recorded = 600 sent" in out
    assert signal.getsignal(signal.SIGINT) is before


def test_a_dry_run_sends_nothing(run):
    with Backend(price) as backend:
        status, out, _ = run("--to", f"{backend.url} path=/price/*", "--dry-run", "--rate", "100/s")
        assert not backend.requests
    assert status == 0
    assert "600 recorded = 300 to send + 300 filtered (filtered: 300)\n" in out
    assert "connection 1  GET /price/1\n" in out


@pytest.mark.parametrize(
    ("words", "numbers", "counts"),
    [
        (["--from", "+150ms"], range(15, 20), "5 sent + 15 filtered (outside the time: 15)"),
        (["--from", "2027-01-15T08:00:00.15Z", "--to-time", "2027-01-15T09:00:00.17+01:00"], range(15, 18),
         "3 sent + 17 filtered (outside the time: 17)"),
        (["--to-time", "+20ms", "--loop", "3"], [*range(3)] * 3, "9 sent + 51 filtered (outside the time: 51)"),
        (["--loop", "2"], [*range(20)] * 2, "40 sent + 0 filtered"),
        (["--loop", "--limit", "25"], [*range(20), *range(5)], "25 sent + 0 filtered"),
    ],
)  # fmt: skip
def test_the_time_and_the_rounds_choose_what_is_sent(run, tmp_path, words, numbers, counts):
    with RecordingWriter(tmp_path / "short") as writer:
        for number in range(20):
            writer.write(exchange(number))
    with Backend(price) as backend:
        _, out, _ = run("--to", backend.url, "--max", "-c", "1", *words, place=str(tmp_path / "short"))
        assert [request.target for request in backend.requests] == [f"/{number}" for number in numbers]
    assert f"recorded = {counts} + 0 failed to send" in out


def test_a_long_gap_is_cut(run, tmp_path):
    with RecordingWriter(tmp_path / "night") as writer:
        for number, at in enumerate((0.0, 0.1, 3600.0, 3600.05)):
            writer.write(exchange(number, at=NOON / 1e9 + at))
    with Backend(price) as backend:
        words = ("--to", backend.url, "--max-gap", "200ms")
        _, out, _ = run(*words, "--json", place=str(tmp_path / "night"))
        assert len(backend.requests) == 4
    assert json.loads(out)["replay"]["seconds"] < 600
    _, out, _ = run(*words, "--dry-run", place=str(tmp_path / "night"))
    assert [line.split()[0] for line in out.splitlines()[:4]] == ["0.000", "0.100", "0.300", "0.350"]


def test_what_is_damaged_has_its_count_and_its_time_in_the_report(run, tmp_path):
    place = tmp_path / "damaged"
    (file,) = Path(recorded(place, 20)).iterdir()
    segment = Segment(file)
    data = bytearray(file.read_bytes())
    data[segment.index.offsets[7] + 60] ^= 1
    segment.close()
    file.write_bytes(data)
    told = "the recording is not whole: missing at "
    with Backend(price) as backend:
        _, out, _ = run("--to", backend.url, "--max", place=str(place))
        assert "20 recorded = 19 sent + 0 filtered + 0 failed to send + 1 damaged in the recording\n" in out
        assert f"note: {told}" in out
        found = json.loads(run("--to", backend.url, "--max", "--json", place=str(place))[1])["replay"]
        assert (found["damaged"], found["gaps"][0]["reason"]) == (1, "damaged")
        assert found["gaps"][0]["first"] == exchange(7).arrived
        assert told not in run("--to", backend.url, "--max", "--from", "+80ms", place=str(place))[1]
    _, out, _ = run("--to", backend.url, "--dry-run", place=str(place))
    assert "20 recorded = 19 to send + 0 filtered + 1 damaged in the recording\n" in out
    assert told in out


def test_the_server_that_was_a_is_refused_without_yes(run, tmp_path):
    with Backend(price) as backend:
        place = recorded(tmp_path / "of a", 20, primary=backend.url)
        status, _, err = run("--to", backend.url, place=place)
        assert status == 2
        assert "is A in this recording" in err
        assert not backend.requests
        status, _, _ = run("--to", backend.url, "--yes", "--max", place=place)
        assert len(backend.requests) == 20
    assert status == 3


@pytest.mark.parametrize("changed", [" host=other", " 'rewrite-path=^/ -> /x/'", "/v2", " rewrite"])
def test_no_change_in_the_line_makes_it_another_server(run, tmp_path, changed):
    with Backend(price) as backend:
        recorded(tmp_path / "of a", 2, primary=backend.url)
        url = backend.url.replace("127.0.0.1", "localhost")
        status, _, err = run(str(tmp_path / "of a"), "--to", url + changed)
        assert not backend.requests
    assert status == 2
    assert f"is {backend.url}, and that is A in this recording" in err


def test_the_a_of_each_recording_counts_and_is_known_in_one_made_of_them(run, tmp_path):
    with Backend(price) as backend:
        recorded(tmp_path / "second", 2, primary=backend.url)
        assert run(str(tmp_path / "second"), "--to", backend.url)[0] == 2
        main(["recording", "convert", str(tmp_path / "recording"), str(tmp_path / "second"), str(tmp_path / "both")])
        assert run("--to", backend.url, place=str(tmp_path / "both"))[0] == 2
        assert not backend.requests


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--to", "http://b rate=5/s"], "--rate sends all of them"), (["--to", "http://b send-proxy=v1"], "send-proxy="),
     (["--to", "http://b colour=red"], "unknown field"),
     (["--to", "http://b http://c"], "is not a field"), ([], "--to"),
     (["--to", "http://b", "--from", "+3s", "--to-time", "+1s"], "--from is later than --to-time"),
     (["--to", "http://b", "--from", "+1h"], "the recording is from "),
     (["--to", "http://b", "--to-time", "2026-01-01T00:00:00"], "nothing arrived in the time"),
     (["--to", "http://b", "--speed", "2000000000"], "at most 1,000,000,000: '2000000000'")],
)  # fmt: skip
def test_a_mistake_is_one_line_and_2(run, words, said):
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_recording_that_is_not_there_is_4(run, tmp_path):
    status, _, err = run("--to", "http://b", place=str(tmp_path / "none"))
    assert status == 4
    assert err == f"httptee: {tmp_path / 'none'}: No such file or directory\n"


def test_the_help_explains_it(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["replay", "-h"])
    assert ended.value.code == 0
    assert "--max-gap" in capsys.readouterr()[0]


def test_replaced_secrets_are_told_and_not_compared(run, tmp_path):
    def login(request):
        return response(body=b'{"token":"new"}', headers=[*JSON, ("Set-Cookie", "sid=new")])

    with RecordingWriter(tmp_path / "secret") as writer:
        for number in range(50):
            fields = [*JSON, ("Set-Cookie", "sid=5f3c")]
            asked = (("Host", "x"), ("Cookie", "sid=ab12"))
            writer.write(exchange(number, target="/", headers=asked, answer=b'{"token":"00"}', answer_headers=fields))
    with Backend(login) as backend:
        status, out, _ = run("--to", backend.url, "--max", "--delta", "20", place=str(tmp_path / "secret"))
    assert status == 0
    assert "note: 50 requests have credentials that were replaced" in out
    assert "note: in 50 answers A's value is a secret that was replaced" in out
