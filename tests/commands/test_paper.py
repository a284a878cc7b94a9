"""Colors on a terminal only, and not where NO_COLOR is set."""

import os
import pty
import re
import subprocess
import sys

import pytest

from tests.support.process import clean_environment


def on_a_terminal(words, **env):
    """What a command prints on a terminal."""
    outer, inner = pty.openpty()
    try:
        environment = {**clean_environment({"TERM": "xterm", "COLUMNS": "200", **env})}
        done = subprocess.Popen(
            [sys.executable, "-m", "httptee", *words], stdin=subprocess.DEVNULL, stdout=inner, env=environment
        )
        os.close(inner)
        printed = b""
        while True:
            try:
                part = os.read(outer, 65536)
            except OSError:  # the other end is closed
                break
            printed += part
        done.wait()
        return printed.decode()
    finally:
        os.close(outer)


WORDS = pytest.mark.parametrize(
    "words",
    [["explain", "-b", "canary:1 methods=POST", "GET /x"], ["check", "-a", "127.0.0.1:1", "-b", "127.0.0.1:2"]],
    ids=["explain", "check"],
)


@WORDS
def test_a_terminal_gets_colors(words):
    printed = on_a_terminal(words)
    assert "\x1b[" in printed
    assert "\x1b" not in re.sub(r"\x1b\[[0-9;]*m", "", printed)


@WORDS
@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colors_where_they_are_not_wanted(words, env):
    assert "\x1b" not in on_a_terminal(words, **env)


@WORDS
def test_a_file_gets_no_colors(words):
    command = [sys.executable, "-m", "httptee", *words]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.stdout
    assert "\x1b" not in done.stdout


def test_without_rich_everything_is_plain(tmp_path):
    (tmp_path / "rich.py").write_text("raise ImportError")
    path = os.pathsep.join([str(tmp_path), os.getcwd()])
    assert "\x1b" not in on_a_terminal(["explain", "GET /x"], PYTHONPATH=path)


@pytest.mark.parametrize("words", [["-version"], ["check", "-a", "127.0.0.1:1"]])
def test_rich_is_not_even_loaded_where_there_is_no_terminal(words):
    code = (
        "import sys; from httptee.commands import main\ntry: main(sys.argv[1:])\nfinally: print('rich' in sys.modules)"
    )
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.stdout.endswith("False\n")
