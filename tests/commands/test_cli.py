import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from httptee import commands
from httptee.commands import cli
from httptee.settings import option_texts
from httptee.settings.option_texts import help_text
from tests.support.process import clean_environment

ROOM = Path(commands.__file__).parent
COMMANDS = sorted(path.stem for path in ROOM.glob("[!_]*") if path.stem not in ("cli", "paper"))


WORDS = {
    "run": (),
    "files": ("config", "completion", "man"),
}  # of the modules that have another name than their command


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_loaded_by_name_and_named_wherever_commands_are_listed(name):
    assert f"from httptee.commands.{name} import" in (ROOM / "cli.py").read_text()
    readme = (ROOM.parents[1] / "README.md").read_text()
    for word in WORDS.get(name, (name,)):
        for text in (help_text(), readme):
            assert re.search(rf"httptee (--)?{word}\b", text)


def test_the_table_of_the_commands_has_each_of_them():
    words = [word for name in COMMANDS for word in WORDS.get(name, (name,))]
    assert sorted(command.name.strip("-") for command in option_texts.COMMANDS) == sorted(words)


@pytest.mark.parametrize(
    "words", [["-h"], ["check", "-a", "localhost:1"], ["explain", "GET /"], ["verdict", "-h"], ["--demo"]]
)
def test_a_reader_that_ends_early_makes_no_traceback(words):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "httptee", *words],
            stdout=writing, stderr=subprocess.PIPE, env=clean_environment(), timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(writing)
    assert ended.stderr == b""
    assert ended.returncode in (0, 141)  # argparse ignores an error of the output


def test_another_broken_pipe_is_an_error(monkeypatch):
    def fail(arguments):
        raise BrokenPipeError("not standard output")

    monkeypatch.setattr(cli, "_run", fail)
    with pytest.raises(BrokenPipeError, match="not standard output"):
        cli.main([])


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (["--demo", "--foo"], "'--foo'"),
        (["-demo", "serve", "9000"], "'9000'"),
        (["--demo=server"], "'server'"),
        (["--demo", "-a", "http://me:sesame@x"], "'-a'"),
        (["--demo", "http://me:sesame@x"], "'http://***@x'"),
        (["--demo="], "''"),
    ],
)
def test_the_demo_refuses_what_it_does_not_take(words, word, capsys):
    assert cli.main(words) == 2
    said = capsys.readouterr()
    assert (said.out, said.err) == (
        "", f"httptee: --demo: unexpected argument {word}; write --demo, or --demo serve to keep it running\n"
    )  # fmt: skip


def test_the_demo_explains_itself(capsys):
    assert cli.main(["--demo", "-h"]) == 0
    assert capsys.readouterr().out == help_text()
