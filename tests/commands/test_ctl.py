import json
import socket
import threading
from types import SimpleNamespace

import pytest

from httptee.commands.ctl import run_ctl

STATUS = {
    "a": {"url": "http://a:1", "rates": {"10s": 12.5}, "in_flight": 3},
    "b": [
        {
            "name": "canary", "line": "x", "percent": 20.0, "orders": {"paused": False, "percent": 20.0}, "state": "up",
            "ledger": {"seen": 9, "delivered": 5, "failed": 1, "dropped": 2, "in_flight": 1},
        },
    ],
    "workers": [{}, {}],
    "uptime": 61.2,
    "control": {"log_level": "debug"},
    "reload": {"at": 1.0, "done": False, "counts": {"done": 2, "refused": 1}},
}  # fmt: skip


@pytest.fixture
def tee(tmp_path):
    """A socket that answers each connection with the next of `answers`, and keeps what it was asked."""

    found = SimpleNamespace(path=str(tmp_path / "control"), answers=[], asked=[])
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(found.path)
    listening.listen()

    def serve():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as reader:
                found.asked.append(json.loads(reader.readline() or b"null"))
                answer = found.answers.pop(0) if found.answers else b""
                connection.sendall(answer if isinstance(answer, bytes) else json.dumps(answer).encode() + b"\n")

    thread = threading.Thread(target=serve)
    thread.start()
    yield found
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


def test_the_words_go_to_the_tee_and_its_text_is_printed(tee, capsys):
    tee.answers = [{"done": True, "text": "canary gets nothing until it is resumed"}]
    assert run_ctl(["-control", tee.path, "pause", "canary"], {}) == 0
    assert tee.asked == [["pause", "canary"]]
    assert capsys.readouterr().out == "canary gets nothing until it is resumed\n"


def test_the_environment_and_the_file_say_where_the_tee_is(tee, tmp_path):
    tee.answers = [{"done": True, "text": ""}] * 2
    assert run_ctl(["pause", "b"], {"HTTPTEE_CONTROL": tee.path}) == 0
    (tmp_path / "tee.ini").write_text(f"control = {tee.path}\n")
    assert run_ctl(["--config", str(tmp_path / "tee.ini"), "resume", "b"], {}) == 0
    assert tee.asked == [["pause", "b"], ["resume", "b"]]


def test_what_the_tee_refuses_is_status_1(tee, capsys):
    tee.answers = [{"done": False, "text": "unknown B x"}]
    assert run_ctl(["-control", tee.path, "pause", "x"], {}) == 1
    assert capsys.readouterr().err == "httptee: unknown B x\n"


def test_the_status_is_a_few_lines(tee, capsys):
    tee.answers = [{"done": True, "text": "", "status": STATUS}]
    assert run_ctl(["-control", tee.path, "status"], {}) == 0
    assert capsys.readouterr().out.splitlines() == [
        "A http://a:1: 12.5 requests/s, 3 in flight",
        "B canary: up, 20 percent by order; seen 9, delivered 5, failed 1, dropped 2, in flight 1",
        "2 worker processes, up for 61 s",
        "the log has level debug by order",
        "2 reloads; the last one was refused",
    ]


def test_a_reload_is_awaited_while_the_process_of_the_socket_is_replaced(tee, capsys):
    later = {"done": True, "text": "", "status": {"reload": {"counts": {"done": 3, "refused": 1}}}}
    tee.answers = [{"done": True, "text": "the reload begins", "reloads": {"done": 2, "refused": 1}}, b"", later]
    assert run_ctl(["-control", tee.path, "reload"], {}) == 0
    assert capsys.readouterr().out == "the reload begins\nreloaded\n"


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n", b"[]\n", b'{"x": 1}\n'])
def test_what_is_no_tee_is_status_4_and_one_line(tee, capsys, answer):
    tee.answers = [answer]
    assert run_ctl(["-control", tee.path, "pause", "b"], {}) == 4
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [([], "a command is missing"), (["pause", "b"], "-control is not set"), (["-nonsense", "x"], "unknown option")],
)
def test_a_mistake_in_the_command_is_status_2(words, why, capsys):
    assert run_ctl(words, {}) == 2
    assert why in capsys.readouterr().err
