"""The words of `httptee spool`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from httptee.errors import ConfigError
from httptee.http import Endpoint

EPILOG = """\
DIR is the directory of -b.spool, or that of one B in it. For ls and cat, it may also be the address of an engine. ID
is the id of a request that was set aside, or all.

drain and retry drop nothing, however old it is and however much it takes. Where a tee runs, it sends what retry puts
into the spool, and drops it when it is too old from then on; drain ends at once.

The exit status is 0; of verify, 1 if something is missing or damaged; of drain, 1 if something is left, was set aside
or is damaged; 2 for a mistake in the command, if something cannot be read or written, or if a tee sends what drain is
to send.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raise ConfigError in place of an exit with the usage."""
        raise ConfigError(message)


def _parser() -> argparse.ArgumentParser:
    made = _Parser(
        prog="httptee spool",
        description="Look at the spool of a tee, and at what was set aside.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = made.add_subparsers(dest="command", required=True, metavar="ls|cat|verify|retry|drop|drain")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        found = commands.add_parser(name, help=text, description=f"{text[:1].upper()}{text[1:]}.", allow_abbrev=False)
        found.add_argument("directory", metavar="DIR")
        return found

    command("ls", "list what waits for each B, and what was set aside")
    cat = command("cat", "show requests that were set aside, as curl commands")
    cat.add_argument("id", metavar="ID")
    cat.add_argument(
        "--keep-secrets", action="store_true", help="with the credentials in header fields and in the query"
    )
    command("verify", "read everything that waits, and name what is missing or damaged")
    command("retry", "put requests that were set aside into the spool again").add_argument("id", metavar="ID")
    command("drop", "remove requests that were set aside").add_argument("id", metavar="ID")
    drain = command("drain", "send what waits to a server, without a tee; DIR is that of one B")
    drain.add_argument("--to", type=_endpoint, required=True, metavar="URL", help="where it is sent")
    drain.add_argument("--timeout", type=float, default=1.0, metavar="SECONDS", help="for one answer, by default 1")
    drain.add_argument(
        "--rate", type=int, default=0, metavar="N", help="requests a second at most; by default as many as it takes"
    )
    drain.add_argument("--wait", type=float, default=3600.0, metavar="SECONDS", help="at most, by default 3600")
    return made


def given(argv: Sequence[str]) -> argparse.Namespace:
    """The words of a command line. Raises ConfigError. `-h` prints the help and raises SystemExit."""
    return _parser().parse_args(list(argv))


def _endpoint(text: str) -> Endpoint:
    try:
        return Endpoint.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
