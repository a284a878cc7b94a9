import json
import os
import socket
import threading

import pytest

from httptee.admin.control_server import ControlServer
from httptee.server.sockets.listener import UnixListener
from tests.support.net import eventually


class Desk:
    """A server on a socket, with a clock that a test sets."""

    def __init__(self, path):
        self.path = path
        self.now = 0.0
        self.got = []
        self.text = "well"
        self.socket = UnixListener.at(path, 0o600)
        self.socket.setblocking(False)
        self.server = ControlServer(self.socket, self.obey, lambda: self.now)
        self.thread = threading.Thread(target=self.server.run, args=(lambda: True,))
        self.thread.start()

    def obey(self, words, who):
        self.got.append((words, who))
        if words == ["fail"]:
            raise RuntimeError("a bug")
        return {"done": True, "text": self.text}

    def connect(self):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(10)
        client.connect(self.path)
        return client

    def ask(self, data):
        with self.connect() as client:
            client.sendall(data)
            return answer(client)


def answer(client):
    with client.makefile("rb") as reader:
        line = reader.readline()
    return json.loads(line) if line else None


@pytest.fixture
def desk(tmp_path):
    made = Desk(str(tmp_path / "control"))
    yield made
    made.server.stop()
    made.thread.join()
    made.socket.close()


def test_words_are_passed_on_with_who_sent_them(desk):
    assert desk.ask(b'["pause", "canary"]\n') == {"done": True, "text": "well"}
    assert desk.got == [(["pause", "canary"], f"uid {os.getuid()}, pid {os.getpid()}")]


@pytest.mark.parametrize("line", [b"\n", b"pause\n", b"[]\n", b"{}\n", b"[1]\n", b"\xff\n", b"[" * 3000 + b"\n"])
def test_a_bad_command_is_refused_and_nothing_is_done(desk, line):
    assert desk.ask(line)["done"] is False
    assert not desk.got


def test_a_command_that_is_too_long_is_refused_before_its_end(desk):
    assert desk.ask(b"x" * 5000)["done"] is False


def test_an_error_of_the_tee_is_an_answer_and_the_next_command_is_served(desk, caplog):
    assert desk.ask(b'["fail"]\n') == {"done": False, "text": "an error in the tee; its log has more"}
    assert "a command could not be carried out" in caplog.text
    assert desk.ask(b'["x"]\n')["done"]


def test_clients_that_hang_delay_no_other_and_are_cut_off(desk):
    silent = [desk.connect() for _ in range(40)]  # more than may be open
    silent[-1].sendall(b'["pau')
    assert desk.ask(b'["x"]\n')["done"]
    desk.now = 5.0
    eventually(lambda: silent[-1].recv(1) == b"", "the end of the connection")
    assert not [words for words, _ in desk.got if words != ["x"]]
    for client in silent:
        client.close()


def test_a_client_that_does_not_read_a_huge_answer_delays_no_other(desk):
    desk.text = "x" * 5_000_000
    with desk.connect() as deaf:
        deaf.sendall(b'["big"]\n')
        eventually(lambda: desk.got, "the command")
        desk.text = "short"
        assert desk.ask(b'["x"]\n')["text"] == "short"
        assert len(answer(deaf)["text"]) == 5_000_000


def test_a_client_that_closes_at_once_is_no_command(desk):
    desk.connect().close()
    assert desk.ask(b'["x"]\n')["done"]
    assert len(desk.got) == 1
