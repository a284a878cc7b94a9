import os
import select
import signal
import subprocess
import sys
import time

import pytest

from httptee.processes.child import CannotRunError, fork, how_it_ended
from tests.support.net import PATIENCE


def status_of(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_child_runs_its_body_and_ends():
    assert status_of(fork(lambda parent_lives: None, (), "a child")) == 0


@pytest.mark.parametrize("error", [CannotRunError("no room"), ValueError("a bug"), SystemExit(0)])
def test_a_child_that_fails_ends_with_status_1(error):
    def fail(_):
        raise error

    assert status_of(fork(fail, (), "a child")) == 1


def test_the_end_of_a_process_is_put_in_words():
    def waited_for(body):
        return os.waitpid(fork(body, (), "a child"), 0)[1]

    assert how_it_ended(waited_for(lambda _: None)) == "ended with exit code 0"
    assert how_it_ended(waited_for(lambda _: os._exit(3))) == "ended with exit code 3"
    assert how_it_ended(waited_for(lambda _: os.kill(os.getpid(), signal.SIGKILL))) == "was killed by SIGKILL"
    number = signal.SIGRTMIN + 3
    assert how_it_ended(waited_for(lambda _: os.kill(os.getpid(), number))) == f"was killed by signal {number}"


def test_a_child_whose_parent_is_killed_gets_a_sigterm_at_once():
    """Even in a child that never checks whether its parent is alive."""
    reader, writer = os.pipe()
    parent = os.fork()
    if not parent:
        child = fork(lambda _: time.sleep(600), (), "a child")
        os.write(writer, b"%d\n" % child)
        time.sleep(600)
    os.close(writer)
    child = int(os.read(reader, 100))
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    ended = select.select([reader], [], [], PATIENCE)[0]  # nobody has the other end any more
    if not ended:
        os.kill(child, signal.SIGKILL)
    os.close(reader)
    assert ended


TITLED = """
import os, sys
from pathlib import Path
from httptee.processes.child import fork

def body(_):
    line = Path("/proc/self/cmdline").read_bytes().strip(b"\\0 ")
    os._exit(0 if (line, Path("/proc/self/comm").read_text()) == (b"httptee: worker process 7", "httptee\\n") else 9)

def status(body):
    return os.waitstatus_to_exitcode(os.waitpid(fork(body, (), "worker process 7"), 0)[1])

titled = status(body)
sys.modules["setproctitle"] = None  # as if it were not installed
print(titled, status(body), status(lambda _: None))
"""


def test_a_child_has_its_title_and_the_name_that_pgrep_finds():
    # In a process of its own: setproctitle finds no room once the tests have changed the environment.
    found = subprocess.run([sys.executable, "-c", TITLED], capture_output=True, text=True, check=True)
    assert found.stdout == "0 9 0\n"
