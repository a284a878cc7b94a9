"""`httptee config`, `completion` and `man` print the files of `etc/`."""

from pathlib import Path

import pytest

from httptee.commands import files
from httptee.commands.cli import main
from httptee.commands.files import COMPLETION, CONFIG, packaged

ETC = Path(__file__).parents[2] / "etc"


def test_config_prints_the_sample(capsys):
    assert main(["config"]) == 0
    assert capsys.readouterr().out == (ETC / "httptee.ini").read_text()


@pytest.mark.parametrize("word", [word for word in CONFIG if (ETC / CONFIG[word]).exists()])
def test_config_prints_each_file_by_its_word(word, capsys):
    assert main(["config", word] if word else ["config"]) == 0
    assert capsys.readouterr().out == (ETC / CONFIG[word]).read_text()


def test_each_file_of_etc_can_be_printed():
    named = {"man/httptee.1", *CONFIG.values(), *COMPLETION.values()}
    assert {path.relative_to(ETC).as_posix() for path in ETC.rglob("*") if path.is_file()} <= named


@pytest.mark.parametrize("shell", COMPLETION)
def test_completion_prints_that_of_a_shell(shell, capsys):
    assert main(["completion", shell]) == 0
    assert capsys.readouterr().out == (ETC / COMPLETION[shell]).read_text()


def test_man_prints_the_source_where_nobody_looks(capsys):
    assert main(["man"]) == 0
    assert capsys.readouterr().out == (ETC / "man" / "httptee.1").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["completion"], "httptee completion bash|zsh|fish"),
        (["completion", "tcsh"], "httptee completion bash|zsh|fish"),
        (
            ["config", "--units"],
            "httptee config [--unit|--socket|--judge-unit|--kubernetes|--kubernetes-tees|"
            "--prometheus|--alerts|--grafana]",
        ),
        (["config", "--unit", "more"], "httptee config [--unit|"),
        (["man", "httptee"], "httptee man\n"),
    ],
)
def test_other_words_get_the_usage(words, said, capsys):
    assert main(words) == 2
    assert f"httptee: usage: {said}" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_named(monkeypatch, capsys):
    monkeypatch.setitem(files.CONFIG, "--unit", "nothing.service")
    assert main(["config", "--unit"]) == 1
    assert capsys.readouterr().err == "httptee: nothing.service is not installed with this version\n"


def test_an_installed_file_comes_first(monkeypatch, tmp_path):
    monkeypatch.setattr(files, "_PACKAGE", tmp_path / "httptee")
    assert packaged("httptee.ini") == tmp_path / "etc" / "httptee.ini"
    (tmp_path / "httptee" / "etc").mkdir(parents=True)
    (tmp_path / "httptee" / "etc" / "httptee.ini").touch()
    assert packaged("httptee.ini") == tmp_path / "httptee" / "etc" / "httptee.ini"
