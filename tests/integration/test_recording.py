"""A recording as a user makes it: what is in it, what is not, and that the counts agree whatever happens."""

import base64
import json
import os
import signal
import stat
import threading
from pathlib import Path

import pytest

from httptee.recording import read_recording
from tests.support.backend import Backend
from tests.support.client import ask
from tests.support.net import PATIENCE, eventually, free_port
from tests.support.programs import mounted
from tests.support.scripts import response
from tests.support.tee import Tee
from tests.support.wire import BrokenMessageError

pytestmark = pytest.mark.integration


def answering(request):
    body = json.dumps({"n": len(request.body), "access_token": "planted-answer-json"}).encode()
    fields = [("Content-Type", "application/json"), ("Set-Cookie", "sid=planted-set-cookie; Path=/")]
    return response("200 OK", body, fields)


@pytest.fixture
def a():
    with Backend(answering) as backend:
        yield backend


def tee(a, directory, *more, processes="2"):
    return Tee("-a", a.url, "-processes", processes, "-record", str(directory), *more)


def said(port):
    return json.loads(ask(port, target="/status").body)["recording"]


def balanced(port):
    """The counts of the recording, once nothing waits."""

    def probe():
        found = said(port)
        return found if found["seen"] == found["recorded"] + found["not_recorded"] else None

    return eventually(probe)


def files_of(directory):
    return sorted(directory.glob("*.rec"))


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_recording_holds_what_a_was_asked_and_what_it_answered(a, tmp_path, processes):
    place = tmp_path / "new"
    with tee(a, place, processes=processes) as running:
        ask(running.port, "POST", "/a%2Fb?x=%zz", headers=[("X-One", "1"), ("x-one", "2")], body=b"\x00\xffbody")
        ask(running.port, "GET", "/large", body=bytes(3_000_000))
    first, second = read_recording([place])
    assert (first.method, first.target, first.body.data) == ("POST", "/a%2Fb?x=%zz", b"\x00\xffbody")
    assert [pair for pair in first.headers if pair[0].lower() == "x-one"] == [("X-One", "1"), ("x-one", "2")]
    assert "via" not in {name.lower() for name, _ in first.headers}
    assert (first.status, json.loads(first.answer_body.data)["n"], first.place) == (200, 6, 1)
    assert 0 <= first.first_byte <= first.ended
    assert (second.body.data, second.body.length, len(second.body.digest)) == (b"", 3_000_000, 32)
    assert read_recording([place]).primary == a.url
    assert read_recording([place]).gaps == ()
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in files_of(place)} == {0o600}


def test_none_of_the_secrets_is_in_the_files(a, tmp_path):
    basic = base64.b64encode(b"me:planted-basic").decode()
    fields = [
        ("Authorization", "Bearer planted-bearer"),
        ("Proxy-Authorization", f"Basic {basic}"),
        ("Cookie", "sid=planted-cookie; other=planted-cookie-2"),
        ("X-Api-Key", "planted-api-key"),
    ]
    target = "/login?access_token=planted-query&sig=planted-sig"
    words = ("-record.secret", "iban", "-record.secret", "pin")
    with tee(a, tmp_path, *words) as running:
        document = json.dumps(
            {"user": {"password": ["x]", {"a": "planted-json"}]}, "iban": {"a": {"b": "planted-named-json"}}}
        ).encode()
        ask(running.port, "POST", target, headers=[*fields, ("Content-Type", "application/json")], body=document)
        form = [("Content-Type", "application/x-www-form-urlencoded")]
        ask(running.port, "POST", "/form", headers=form, body=b"a=1&pin=planted-named-form&password=planted-form")
    stored = b"".join(file.read_bytes() for file in files_of(tmp_path))
    assert read_recording([tmp_path]).count == 2
    assert read_recording([tmp_path]).masked
    assert b"planted" not in stored
    assert basic.encode() not in stored


def test_with_keep_secrets_they_are_recorded_and_a_warning_says_so(a, tmp_path):
    with tee(a, tmp_path, "-record.keep-secrets") as running:
        ask(running.port, headers=[("Authorization", "Bearer sesame")])
        assert "-record.keep-secrets" in running.program.output
    (found,) = read_recording([tmp_path])
    assert ("Authorization", "Bearer sesame") in found.headers
    assert not read_recording([tmp_path]).masked


def test_a_compressed_recording_is_smaller_and_is_read_as_any_other(a, tmp_path):
    for words in ((), ("-record.compress", "zstd")):
        with tee(a, tmp_path / f"r{len(words)}", *words) as running:
            for number in range(40):
                ask(running.port, "POST", f"/{number}", body=b"the same each time " * 20)
    plain, compressed = read_recording([tmp_path / "r0"]), read_recording([tmp_path / "r2"])
    assert [one.target for one in compressed] == [one.target for one in plain] == [f"/{number}" for number in range(40)]
    assert compressed.count == 40
    assert compressed.gaps == ()
    assert compressed.size < plain.size / 2
    assert b"the same each time" not in b"".join(file.read_bytes() for file in compressed.files)


def test_a_share_of_what_passes_the_filters_is_recorded(a, tmp_path):
    admin = free_port()
    words = ("-record.percent", "50", "-record.only", "methods=GET path=/api/*", "-admin", f"127.0.0.1:{admin}")
    with tee(a, tmp_path, *words, processes="1") as running:
        for number in range(100):
            ask(running.port, target=f"/api/{number}")
            ask(running.port, target=f"/other/{number}")
        found = balanced(admin)
        assert (found["seen"], found["recorded"]) == (200, 50)
        assert found["not_recorded_by_reason"] == {"filtered": 100, "sampled_out": 50}
        metrics = ask(admin, target="/metrics").body.decode()
        assert "httptee_recording_recorded_total 50.0" in metrics
        assert 'httptee_recording_not_recorded_total{reason="filtered"} 100.0' in metrics
    assert {one.target.split("/")[1] for one in read_recording([tmp_path])} == {"api"}


class Asking(threading.Thread):
    """Asks a tee until it is told to end. A connection that breaks is opened again."""

    def __init__(self, port):
        super().__init__()
        self.port, self.ended = port, threading.Event()

    def run(self):
        while not self.ended.is_set():
            try:
                ask(self.port, "POST", "/x", body=b"hello")
            except (OSError, BrokenMessageError):
                self.ended.wait(0.01)


def recording_processes(running):
    """The pids of the processes that write: the children of the supervisor at nice 19."""
    pid = running.program.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if os.getpriority(os.PRIO_PROCESS, int(child)) == 19]


def test_a_recording_process_that_is_killed_is_replaced_and_nothing_is_lost(a, tmp_path):
    admin = free_port()
    with tee(a, tmp_path, "-admin", f"127.0.0.1:{admin}") as running:
        client = Asking(running.port)
        client.start()
        try:
            for _ in range(4):
                before = said(admin)["recorded"] if said(admin) else 0
                eventually(lambda before=before: said(admin) and said(admin)["recorded"] > before)
                (writer,) = eventually(lambda: recording_processes(running))
                os.kill(writer, signal.SIGKILL)
                before = said(admin)["seen"]
                eventually(lambda before=before: said(admin)["recorded"] > before)
        finally:
            client.ended.set()
            client.join(PATIENCE)
        found = balanced(admin)
        assert found["not_recorded"] == 0
        assert json.loads(ask(admin, target="/status").body)["a"]["answered"] == found["seen"]
    recording = read_recording([tmp_path])
    places = [(one.connection, one.place) for one in recording]
    assert len(places) == len(set(places)) == recording.count == found["recorded"]
    assert recording.gaps == ()


def test_the_counts_agree_with_the_files_over_kills_and_reloads(a, tmp_path):
    admin = free_port()
    with tee(a, tmp_path, "-admin", f"127.0.0.1:{admin}") as running:
        clients = [Asking(running.port) for _ in range(8)]
        for client in clients:
            client.start()
        try:
            for _ in range(4):
                before = said(admin)["recorded"] if said(admin) else 0
                eventually(lambda before=before: said(admin) and said(admin)["recorded"] > before + 20)
                workers = json.loads(ask(admin, target="/status").body)["workers"]
                os.kill(workers[0]["pid"], signal.SIGKILL)
                before = said(admin)["recorded"]
                eventually(lambda before=before: said(admin)["recorded"] > before + 20)
                mark = running.program.mark()
                running.program.send_signal(signal.SIGHUP)
                running.program.wait_for_line(r"reloaded: ", after=mark)
        finally:
            for client in clients:
                client.ended.set()
            for client in clients:
                client.join(PATIENCE)
        found = balanced(admin)
        # A process that is killed has seen what it has not answered, and has answered nothing that it has not seen.
        unanswered = found["seen"] - json.loads(ask(admin, target="/status").body)["a"]["answered"]
        assert 0 <= unanswered <= found["not_recorded"]
        assert set(found["not_recorded_by_reason"]) <= {"lost"}
        assert read_recording([tmp_path]).count == found["recorded"]
    recording = read_recording([tmp_path])
    assert len(list(recording)) == recording.count
    assert {gap.reason for gap in recording.gaps} <= {"lost"}


def test_a_disk_that_cannot_be_written_costs_records_and_no_request(a, tmp_path):
    admin = free_port()
    (tmp_path / "file").write_text("in the way")
    with tee(a, tmp_path / "file", "-admin", f"127.0.0.1:{admin}") as running:
        for _ in range(5):
            assert ask(running.port).status == 200
        found = balanced(admin)
        assert (found["seen"], found["not_recorded_by_reason"]) == (5, {"disk_failed": 5})


def test_a_limit_of_the_files_costs_records_and_no_request(a, tmp_path):
    admin = free_port()
    words = ("-record.max-bytes", "64k", "-record.max-body", "1MB", "-admin", f"127.0.0.1:{admin}")
    with tee(a, tmp_path, *words, processes="1") as running:
        for _ in range(8):
            assert ask(running.port, "POST", body=os.urandom(40_000)).status == 200
        found = balanced(admin)
        assert (found["seen"], found["recorded"]) == (8, 8)
        assert sum(file.stat().st_size for file in files_of(tmp_path)) < 400_000


def test_an_answer_that_streams_is_recorded_once_it_has_ended(tmp_path):
    body = b"x" * 300_000
    with Backend(lambda request: response("200 OK", body)) as a, tee(a, tmp_path) as running:
        assert ask(running.port).body == body
    (found,) = read_recording([tmp_path])
    assert found.answer_body.data == body


def test_a_mounted_tee_records(a, tmp_path):
    environ = {"HTTPTEE_A": a.url, "HTTPTEE_RECORD": str(tmp_path / "mounted")}
    with mounted("gunicorn", environ, "--workers=2", "--worker-class=gthread") as (port, _):
        for number in range(20):
            assert ask(port, "POST", f"/{number}", body=b"hello").status == 200
    found = list(read_recording([tmp_path / "mounted"]))
    assert sorted(int(one.target[1:]) for one in found) == list(range(20))
    assert {one.body.data for one in found} == {b"hello"}
    assert len({one.connection for one in found}) == 20
