"""The completions of each shell. shtab makes them from an `ArgumentParser` that is made from the tables of options and
commands.

The program itself reads its command line by `httptee.settings`: Go's syntax is not that of argparse.
"""

from __future__ import annotations

import argparse
import re

import shtab

from httptee.settings.option import Option
from httptee.settings.option_texts import COMMANDS, Command
from httptee.settings.options import OPTIONS

_OWN = re.compile(r"\[(--?\w+)(?: \[?('[^']*'|[A-Z]+)\]?)?\]")


def completions(shell: str) -> str:
    """The completions of httptee for bash, zsh or fish."""
    # fish reads -a.timeout as -a with the value .timeout: with two dashes it is an option of its own.
    return shtab.complete(parser("--" if shell == "fish" else "-"), shell)


def parser(dashes: str) -> argparse.ArgumentParser:
    """A parser with every option and every command. Names of more than one letter begin with these dashes."""
    made = argparse.ArgumentParser(prog="httptee", add_help=False, allow_abbrev=False)
    _add_options(made, dashes)
    for name, text in (("version", "Print the version."), ("help", "Print the help."), ("demo", "Run the demo.")):
        made.add_argument(f"{dashes}{name}", action="store_true", help=text)
    commands = made.add_subparsers(metavar="COMMAND")
    for command in COMMANDS:
        if not command.name.startswith("-"):
            _add_words(commands.add_parser(command.name, help=command.help, add_help=False), command, dashes)
    return made


def _add_options(to: argparse.ArgumentParser, dashes: str) -> None:
    for option in OPTIONS:
        names = [f"{'-' if len(name) == 1 else dashes}{name}" for name in (option.name, *option.aliases)]
        if option.boolean:
            to.add_argument(*names, action="store_true", help=_first_sentence(option))
            continue
        _complete(to.add_argument(*names, metavar=option.metavar, help=_first_sentence(option)), option.metavar)
    _complete(to.add_argument(f"{dashes}config", metavar="FILE", help="The file to read options from."), "FILE")


def _add_words(to: argparse.ArgumentParser, command: Command, dashes: str) -> None:
    usage = command.usage
    if "[options]" in usage:
        _add_options(to, dashes)
    for name, value in _OWN.findall(usage):
        if value:
            _complete(to.add_argument(name, metavar=value), value)
        else:
            to.add_argument(name, action="store_true")
    rest = _OWN.sub("", usage.replace("[options]", "")).strip().strip("[]")
    if rest.startswith("--"):
        for name in rest.split("|"):
            to.add_argument(name, action="store_true", help=f"Print this file instead of the sample: {name[2:]}.")
    elif rest:
        _complete(to.add_argument("word", metavar=rest), rest)


def _complete(action: argparse.Action, metavar: str) -> None:
    """What may stand in this place: a file, a directory, or one of some words."""
    words = metavar.split("|")
    if metavar == "FILE":
        action.complete = shtab.FILE  # type: ignore[attr-defined]
    elif "DIR" in words:
        action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    elif len(words) > 1:
        action.choices = words


def _first_sentence(option: Option) -> str:
    return re.split(r"(?<=[.:]) ", option.help)[0].rstrip(":").replace("%", "%%")
