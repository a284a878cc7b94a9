"""`httptee recording`: what a recording holds, whether it is whole, and its other forms."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from httptee.commands.paper import printer
from httptee.commands.recording.checking import findings, whole
from httptee.commands.recording.converting import convert, redact
from httptee.commands.recording.showing import shown
from httptee.commands.recording.summary import summary_of, table
from httptee.commands.recording.topics import fetched
from httptee.commands.recording.words import given
from httptee.errors import ConfigError
from httptee.recording.formats import Source
from httptee.verdict.display import harmless

_WRONG = 2
_INTERRUPTED = 130


def run_recording(argv: Sequence[str]) -> int:
    """Run the command and return its exit status, see `words.EPILOG`."""
    try:
        asked = given(argv)
        command = {"ls": _ls, "cat": _cat, "verify": _verify, "redact": _redact, "convert": _convert}[asked.command]
        named = [asked.recording] if asked.command == "cat" else getattr(asked, "recordings", None) or asked.sources
        with fetched(named) as asked.paths:
            return command(asked)
    except ConfigError as error:
        _complain(f"{error}; httptee recording -h explains it")
    except BrokenPipeError:
        raise
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        _complain(f"{name}{error.strerror or error}")
    except ValueError as error:
        _complain(str(error))
    except KeyboardInterrupt:
        return _INTERRUPTED
    return _WRONG


def _ls(asked: argparse.Namespace) -> int:
    lines = table(summary_of(path, asked.paths[path]) for path in asked.recordings)
    show = printer()
    for number, line in enumerate(lines):
        show("plain" if number else "head", line)
    return 0


def _cat(asked: argparse.Namespace) -> int:
    show, wanted = printer(), set(asked.numbers)
    number = 0
    before = False
    for number, exchange in enumerate(Source([asked.paths[asked.recording]]), 1):
        if asked.numbers and number not in wanted:
            continue
        if before:
            show("plain", "")
        for kind, line in shown(exchange, number):
            show(kind, line)
        before = True
        wanted.discard(number)
        if asked.numbers and not wanted:
            return 0
    if wanted:
        raise ValueError(f"{asked.recording}: it has {number:,} exchanges, and no number {min(wanted):,}")
    return 0


def _verify(asked: argparse.Namespace) -> int:
    show, good = printer(), True
    for path in asked.recordings:
        row = summary_of(path, asked.paths[path])
        good = good and whole(row)
        for kind, line in findings(row):
            show(kind, line)
    return 0 if good else 1


def _redact(asked: argparse.Namespace) -> int:
    for line in redact(asked):
        _say(line)
    return 0


def _convert(asked: argparse.Namespace) -> int:
    for line in convert(asked):
        _say(line)
    return 0


def _say(line: str) -> None:
    """What was done goes to standard error: standard output may be the file."""
    print(harmless(line), file=sys.stderr)


def _complain(text: str) -> None:
    _say("httptee: " + " ".join(text.splitlines()))
