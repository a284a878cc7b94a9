"""The words of `httptee replay`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from typing import NoReturn

from httptee.errors import ConfigError
from httptee.journal.engines import is_engine_address, parse_address
from httptee.recording import read_time

_OF_VERDICT = ("verdict", "a", "times", "html")
_UNITS = {"": 1.0, "s": 1.0, "ms": 0.001, "m": 60.0, "h": 3600.0}
_SECOND = 1_000_000_000

EPILOG = """\
TIME is a date and a time such as 2026-11-24T12:30:00 (local, unless it ends with Z or an offset), or an offset from the
start of the recording such as +90s, +5m or +1h.

The exit status is 0 if B's answers are the same as the recorded ones (without those: if the generator kept up), 1 if
they differ, 3 if the evidence is not enough or the generator could not keep up (or one of its processes died), 2 for a
mistake in the command, 4 if something cannot be read or written, and 130 after Ctrl-C.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raise ConfigError in place of an exit with the usage."""
        raise ConfigError(message)


def parser() -> argparse.ArgumentParser:
    """The parser. Parsing raises ConfigError."""
    made = _Parser(
        prog="httptee replay",
        usage="httptee replay RECORDING... --to URL [options]",
        description="Send a recording to a server, and compare its answers with the recorded ones.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = made.add_argument
    add("recording", nargs="+", metavar="RECORDING",
        help="files or directories of a recording, a topic (redis://HOST/TOPIC), or .gor or HAR files")  # fmt: skip
    add("--to", required=True, metavar="LINE", help="the server: a URL, or a line as for -b, with filters and changes")
    pace = made.add_mutually_exclusive_group()
    number = _number("a number over 0")
    pace.add_argument("--speed", type=number, default=1.0, metavar="N", help="the recording's spacing, N times as fast")
    pace.add_argument("--rate", type=_rate, metavar="N/s", help="N requests a second, evenly")
    pace.add_argument("--max", action="store_true", help="a closed loop: the next request when a connection is free")
    add("-c", type=_count, metavar="N", help="connections of --max (32) and of a pool (1000), over all processes")
    add("--connections", choices=("recorded", "pool"), help="one for each of the recording, or any (default: recorded)")
    add("--from", dest="first", metavar="TIME", help="begin with what arrived at this time")
    add("--to-time", dest="last", metavar="TIME", help="end with what arrived at this time")
    add("--max-gap", type=_seconds, metavar="TIME", help="the longest gap between two requests, before the speed")
    add("--loop", nargs="?", type=_count, const=0, default=1, metavar="N",
        help="so many rounds; without N, until Ctrl-C")  # fmt: skip
    add("--limit", type=_count, metavar="N", help="at most N requests")
    add("--processes", type=_count, metavar="N", help="processes that send (default: half of the cores)")
    _add_members(made)
    add("--dry-run", action="store_true", help="say what would be sent, and send nothing")
    add("--yes", action="store_true", help="send to the server that the recording calls A")
    _add_verdict(made)
    return made


def _add_members(made: argparse.ArgumentParser) -> None:
    add = made.add_argument
    add("--group", metavar="NAME", help="by this name the members of one replay of a topic find one another")
    add(
        "--members",
        type=_count,
        metavar="N",
        help="so many members share the topic; each is started with the same words",
    )


def _add_verdict(made: argparse.ArgumentParser) -> None:
    verdict = made.add_argument_group("the verdict")
    add = verdict.add_argument
    add("--no-compare", action="store_true", help="do not compare the answers")
    add("--verdict", metavar="DIR", help="keep the evidence there, for `httptee verdict DIR`")
    add("--delta", type=_number("a percentage over 0", 100.0), default=0.1, metavar="PERCENT",
        help="of a route's answers that may differ without an explanation (0.1)")  # fmt: skip
    add("--a", metavar="URL", help="a live A: what differs is asked there again, if the method is safe")
    add("--a-rate", type=_rate, default=20.0, metavar="N/s", help="how often it may be asked (20/s)")
    add(
        "--secret",
        action="append",
        default=[],
        metavar="KEY",
        help="a further name given to -record.secret; repeatable",
    )
    add("--times", action="store_true", help="compare B's times with the recorded ones too")
    add("--json", action="store_true", help="print JSON")
    add("--html", metavar="FILE", help="write the verdict as a page; - is standard output")


def moment(text: str | None, start: int, option: str) -> int | None:
    """The TIME of an option in nanoseconds since the epoch; `start` is that of the recording. Raises ConfigError."""
    if text is None:
        return None
    if text.startswith("+"):
        try:
            return start + round(_seconds(text[1:]) * _SECOND)
        except argparse.ArgumentTypeError as error:
            raise ConfigError(f"{option}: an offset {error}") from None
    try:
        found = read_time(text)
    except ValueError:
        raise ConfigError(
            f"{option} must be a time such as 2026-11-24T12:30:00 or an offset such as +90s: {text!r}"
        ) from None
    return round(found.timestamp() * 1_000_000) * 1000


def given(argv: Sequence[str]) -> argparse.Namespace:
    """The words of a command line. Raises ConfigError. `-h` prints the help and raises SystemExit."""
    found = parser().parse_args(list(argv))
    if found.max and found.connections == "recorded":
        raise ConfigError("--max uses a pool of connections: --connections recorded cannot be kept")
    if found.connections is None:
        found.connections = "pool" if found.max else "recorded"
    if found.c is not None and found.connections == "recorded":
        raise ConfigError("-c is the size of a pool of connections: it needs --connections pool or --max")
    if found.max_gap is not None and (found.max or found.rate):
        raise ConfigError("--max-gap is for the spacing of the recording, which --rate and --max do not keep")
    if found.dry_run and not (found.loop or found.limit):
        raise ConfigError("--dry-run of --loop has no end: --loop N or --limit N gives it one")
    if found.no_compare and (word := next((word for word in _OF_VERDICT if getattr(found, word)), "")):
        raise ConfigError(f"--no-compare leaves nothing for --{word}")
    _check_members(found)
    if found.c is None:
        found.c = 32 if found.max else 1000
    return found


def _check_members(found: argparse.Namespace) -> None:
    """Raise ConfigError for what members cannot do."""
    if bool(found.group) != bool(found.members):
        raise ConfigError("--group NAME and --members N go together: how many members meet, and under which name")
    if not found.members:
        return
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", found.group):
        raise ConfigError(f"--group must be a name of letters, digits, '.', '_' and '-': {found.group!r}")
    if len(found.recording) != 1 or not is_engine_address(found.recording[0]):
        raise ConfigError("--members share one topic, such as redis://HOST/TOPIC")
    if found.members > (partitions := parse_address(found.recording[0]).partitions):
        raise ConfigError(f"--members {found.members} is more than the {partitions} partitions of the topic")
    for word, given_ in (("max-gap", found.max_gap), ("dry-run", found.dry_run), ("loop", found.loop != 1)):
        if given_:
            raise ConfigError(f"--members cannot share --{word}")


def _number(rule: str, most: float = 1e9) -> Callable[[str], float]:
    def cast(text: str) -> float:
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?|\.[0-9]+", text) or not 0 < float(text) <= most:
            raise argparse.ArgumentTypeError(f"must be {rule}, and at most {most:,.0f}: {text!r}")
        return float(text)

    return cast


def _rate(text: str) -> float:
    return _number("a rate such as 500/s")(text.removesuffix("/s"))


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", text) or not int(text):
        raise argparse.ArgumentTypeError(f"must be a whole number over 0: {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    parts = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?", text)
    if not parts:
        raise argparse.ArgumentTypeError(f"must be a time such as 250ms, 90s, 5m or 1h: {text!r}")
    return float(parts[1]) * _UNITS[parts[2] or ""]
