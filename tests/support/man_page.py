"""The man page httptee(1), made from the tables of options and commands (man(7))."""

from __future__ import annotations

import re

from httptee.settings.option_texts import COMMANDS, UNITS
from httptee.settings.options import OPTIONS
from httptee.version import __version__

_DESCRIPTION = (
    "Every request goes to server A, and the client gets A's answer, unchanged. A clone goes to each test server B. "
    "Their answers never reach the client. Nothing that a B does can delay, change or fail what A's clients see, or "
    "make the tee grow: a clone that would is dropped, and counted.",
    "Options are written with one dash or two, -name value or -name=value; true and false only with =. The command "
    "line overrides the environment, and the environment overrides the file.",
    " ".join(UNITS),
)
_SIGNALS = (
    ("SIGTERM, SIGINT", "Answer the requests in flight, send the clones that wait, and end, within -drain-timeout."),
    ("SIGHUP", "Read the file and the certificates again. No request is lost."),
    ("SIGUSR1", "Print the ledger."),
)
_STATUSES = (
    ("0", "The tee was ended by a signal, or the command found everything as it should be. verdict: YES."),
    ("1", "The tee could not start, or a server could not be reached. verdict: NO."),
    ("2", "An option or a word of the command line is invalid."),
    ("3", "verdict: NOT YET."),
    ("4", "verdict: nothing can be read or written."),
)


def man_page() -> str:
    """The source of the man page."""
    lines = [
        f'.TH HTTPTEE 1 "" "httptee {__version__}" "User Commands"',
        *(".nh", ".ad l"),  # no hyphens, and lines that end where their words end: options must stay whole
        *(".SH NAME", r"httptee \- a reverse proxy that copies production traffic to test servers"),
        *(".SH SYNOPSIS", r".B httptee", r"[\fIoptions\fR]"),
    ]
    for command in COMMANDS:
        lines += [".br", rf".B httptee {_escaped(command.name)}", *filter(None, [_choice(command.usage)])]
    lines += [".SH DESCRIPTION", _escaped(_DESCRIPTION[0])]
    for paragraph in _DESCRIPTION[1:]:
        lines += [".PP", _escaped(paragraph)]
    lines += [".SH COMMANDS", *_tagged((command.name, f"{command.help}.") for command in COMMANDS)]
    lines += [".SH OPTIONS"]
    for option in OPTIONS:
        names = ", ".join(rf"\fB{_escaped('-' + name)}\fR" for name in (option.name, *option.aliases))
        default = f" Default: {option.default}." if option.default and not option.boolean else ""
        value = rf" \fI{_escaped(option.metavar)}\fR" if option.metavar else ""
        lines += [".TP", names + value, _escaped(f"{option.help}{default}")]
    lines += [".TP", r"\fB\-config\fR \fIFILE\fR", "The file to read options from."]
    lines += [".SH SIGNALS", *_tagged(_SIGNALS), ".SH EXIT STATUS", *_tagged(_STATUSES), ".SH ENVIRONMENT"]
    rest = "The same for every other option: dots and dashes become underscores. An empty variable sets nothing."
    lines += _tagged(
        (("HTTPTEE_A_TIMEOUT", "The option -a.timeout. " + rest), ("HTTPTEE_CONFIG", "The option -config."))
    )
    lines += _tagged((("NO_COLOR", "If it is not empty, no colors are used, on a terminal either."),))
    lines += [
        ".SH FILES",
        *_tagged((("/etc/httptee.ini", "The usual place of the options: httptee config prints it."),)),
    ]
    return "\n".join(lines) + "\n"


def _tagged(pairs: object) -> list[str]:
    lines: list[str] = []
    for tag, text in pairs:  # type: ignore[attr-defined]
        lines += [".TP", rf".B {_escaped(tag)}", _escaped(text[0].upper() + text[1:])]
    return lines


def _choice(usage: str) -> str:
    """A usage, in which a line may end behind each bar."""
    return _escaped(usage).replace("|", r"|\:")


def _escaped(text: str) -> str:
    """Text as roff reads it: no escapes, a plain dash and apostrophe, no request at the start of a line."""
    text = (
        text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("^", r"\(ha").replace("~", r"\(ti")
    )
    return re.sub(r"^([.'])", r"\\&\1", text)
