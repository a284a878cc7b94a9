"""The command line, and the command lines of the page."""

from __future__ import annotations

import re
from argparse import Namespace
from importlib import import_module
from pathlib import Path

import pytest

from bench import scenarios
from bench.__main__ import arguments, main, measure, with_scenario
from bench.reports import document
from bench.reports.tables import table
from bench.scenarios import SCENARIOS
from bench.scenarios.scenario import Result, Scenario

PAGE = (Path(__file__).parents[2] / "docs" / "performance.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^python -m bench(.*?)(?: *#.*)?$", PAGE, re.MULTILINE)


def scenario_of(line: str) -> str:
    first = line.split()[0]
    return "tees" if first.startswith("-") else first


def test_the_page_has_commands_for_all_that_has_a_section() -> None:
    sections = set(re.findall(r"<!-- bench:([\w-]+) -->", PAGE))
    named = {scenario_of(line) for line in COMMANDS}
    assert sections | {"report", "targets"} == named


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_page_is_one_of_the_bench(line: str) -> None:
    words = line.split()
    arguments().parse_args(words if scenario_of(line) == words[0] else ["tees", *words])


def test_every_scenario_of_a_module_is_listed_once() -> None:
    folder = Path(scenarios.__file__).parent
    modules = [path for path in folder.rglob("*.py") if re.search(r"^SCENARIO\b.*=", path.read_text(), re.MULTILINE)]
    names = [".".join(path.relative_to(folder.parents[1]).with_suffix("").parts) for path in modules]
    assert {id(import_module(name).SCENARIO) for name in names} == {id(scenario) for scenario in SCENARIOS}
    assert len(names) == len(SCENARIOS) == len({scenario.name for scenario in SCENARIOS})


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_scenario_has_defaults_and_a_help(scenario: Scenario, capsys: pytest.CaptureFixture[str]) -> None:
    assert arguments().parse_args([scenario.name]).scenario is scenario
    with pytest.raises(SystemExit):
        main([scenario.name, "--help"])
    assert scenario.help[:20] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ([], ["tees"]),
        (["--rounds", "7"], ["tees", "--rounds", "7"]),
        (["slow", "--rounds", "7"], ["slow", "--rounds", "7"]),
        (["--help"], ["--help"]),
        (["-h"], ["-h"]),
    ],
)
def test_without_a_scenario_the_tees_are_measured(words: list[str], completed: list[str]) -> None:
    assert with_scenario(words) == completed


def test_a_scenario_is_run_saved_and_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = Result([table("Sum", ["a"], [["1"]], [])], {"rounds": 2}, held=False)
    options = Namespace(scenario=Scenario("sum", "", lambda parser: None, lambda options: made), json=tmp_path / "r")
    assert measure(options) == 1  # its own limit does not hold
    assert "rounds 2, load average before" in capsys.readouterr().out
    assert document.load(tmp_path / "r")["kind"] == "sum"


@pytest.mark.parametrize("words", [("--rounds", "0"), ("--cases", "nothing"), ("--sessions", "two")])
def test_a_bad_argument_is_refused(words: tuple[str, str]) -> None:
    with pytest.raises(SystemExit):
        arguments().parse_args(["tees", *words])


def test_an_unknown_subject_ends_the_run_with_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tees", "--only", "nobody"]) == 1
    assert "bench: unknown subject nobody" in capsys.readouterr().err
