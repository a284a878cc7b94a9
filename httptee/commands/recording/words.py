"""The words of `httptee recording`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import NoReturn

from httptee.errors import ConfigError
from httptee.recording.formats import FORMATS

EPILOG = """\
A RECORDING is a directory of -record or files of one, a topic such as redis://HOST/TOPIC, a file of GoReplay (.gor,
.gor.gz), or a HAR file.

The exit status is 0; of verify, 1 if something is missing or damaged; 2 for a mistake in the command, or if something
cannot be read or written.
"""
_FORMATS = "\n".join(
    (
        "The form of TO is that of its name, or --as:",
        "  recording    a directory, for a name without an ending",
        "  gor          a file of GoReplay: .gor, .gor.gz",
        "  har          HAR 1.2: .har",
        "  vegeta       targets of vegeta as JSON: .json, .jsonl",
        "  vegeta-http  targets of vegeta as text: .txt, with the bodies as files in TO.bodies",
        "  curl         a script for bash with a command for each request: .sh",
    )
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raise ConfigError in place of an exit with the usage."""
        raise ConfigError(message)


def _parser() -> argparse.ArgumentParser:
    made = _Parser(
        prog="httptee recording",
        description="Look at a recording, check it, and make others of it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = made.add_subparsers(dest="command", required=True, metavar="ls|cat|verify|redact|convert")

    def command(name: str, text: str, epilog: str = "") -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=text,
            description=text[:1].upper() + text[1:] + ".",
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    command("ls", "list recordings: times, exchanges, rate, statuses, bytes, gaps").add_argument(
        "recordings", nargs="+", metavar="RECORDING"
    )
    cat = command("cat", "show exchanges of a recording")
    cat.add_argument("recording", metavar="RECORDING")
    cat.add_argument("numbers", nargs="*", type=_count, metavar="NUMBER", help="which ones, from 1; without: all")
    command("verify", "read all of a recording, and name what is missing as intervals of time").add_argument(
        "recordings", nargs="+", metavar="RECORDING"
    )
    redact = command("redact", "write a new recording with further secrets replaced")
    _from_to(redact)
    _secrets(redact)
    convert = command("convert", "write a recording in another form", _FORMATS)
    _from_to(convert)
    convert.add_argument("--as", dest="format", choices=FORMATS, help="the form of TO")
    convert.add_argument("--server", default="", metavar="URL", help="where targets and commands send their requests")
    convert.add_argument("--keep-secrets", action="store_true", help="replace no credentials in a new recording")
    _secrets(convert)
    return made


def _from_to(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "sources", nargs="+", metavar="RECORDING", help="what is read; several of one form are read as one"
    )
    made.add_argument("to", metavar="TO", help="what is written, and must not exist; - is standard output")


def _secrets(made: argparse.ArgumentParser) -> None:
    add = made.add_argument
    add("--secret", action="append", default=[], metavar="NAME",
        help="replace the values of this header field, parameter, form field or JSON key")  # fmt: skip
    add("--pattern", action="append", default=[], type=_pattern, metavar="REGEX",
        help="replace what matches this regular expression, or its first group, wherever it stands")  # fmt: skip


def given(argv: Sequence[str]) -> argparse.Namespace:
    """The words of a command line. Raises ConfigError. `-h` prints the help and raises SystemExit."""
    return _parser().parse_args(list(argv))


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", text) or not int(text):
        raise argparse.ArgumentTypeError(f"must be a number from 1: {text!r}")
    return int(text)


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"is no regular expression: {error}") from None
