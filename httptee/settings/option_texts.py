"""The texts that are made from the option table: the help, and `etc/httptee.ini`. And the table of the commands."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from httptee.settings.options import OPTIONS

UNITS = (
    "A time is a number of milliseconds, or has a unit: 250ms, 2.5s, 1m, 1h. A size is a number of bytes, or has a",
    "unit: 64k, 1.5MB, 2GiB (powers of 1024). Instead of true and false, yes and no, on and off are accepted too.",
)


@dataclass(frozen=True, slots=True)
class Command:
    """One command: what follows `httptee` on a command line, and one sentence on what it does.

    The completions read its usage: `[options]` are those of the tee, `a|b` is a choice, a word in capitals is a value.
    """

    name: str
    usage: str
    help: str


COMMANDS: tuple[Command, ...] = (
    Command(
        "explain",
        "[options] [-H 'NAME: VALUE'] [-d BODY] [--client ADDRESS] 'METHOD /target'",
        "prints which servers get this request, by which rule, and its bytes",
    ),
    Command("check", "[options]", "checks the options and connects to A and every B"),
    Command(
        "verdict",
        "[DIR|URL] [--b NAME] [--json] [--html FILE] [--wait [SECONDS]]",
        "prints whether B can replace A, as the running tee knows it; verdict -h: more",
    ),
    Command(
        "judge",
        "[--from ADDRESS] [--evidence DIR] [--name NAME] [options]",
        "reaches one verdict for many tees, from what they publish; judge -h: more",
    ),
    Command(
        "ctl",
        "[options] status|pause|resume|percent|reload|log-level",
        "pauses a B of the running tee, changes its share, reloads; ctl -h: more",
    ),
    Command(
        "recording",
        "ls|cat|verify|redact|convert RECORDING... [TO]",
        "shows and checks what was recorded, and converts it; recording -h: more",
    ),
    Command(
        "replay",
        "RECORDING... --to URL [options]",
        "sends what was recorded to a server and compares its answers; replay -h: more",
    ),
    Command(
        "spool",
        "ls|cat|verify|retry|drop|drain DIR [ID] [--to URL]",
        "shows what waits for a B, and sends, repeats or removes it; spool -h: more",
    ),
    Command(
        "config",
        "[--unit|--socket|--judge-unit|--kubernetes|--kubernetes-tees|--prometheus|--alerts|--grafana]",
        "prints the sample of the configuration file, or another file to copy",
    ),
    Command("completion", "bash|zsh|fish", "prints the completions for a shell"),
    Command("man", "", "shows the man page, or prints its source where standard output is no terminal"),
    Command("--demo", "[serve]", "runs two echo servers and a tee, and sends requests through it"),
)


def help_text() -> str:
    """The text that `-h` prints."""
    lines = [
        "Usage: httptee [options]",
        *_usages(),
        "",
        "Every request goes to server A, and the client gets A's answer. A clone goes to the test servers B.",
        "One dash or two, -name value or -name=value; true or false only with =. The command line overrides the",
        "environment, and the environment overrides the file. In the file an option is a line: a.timeout = 2500",
        *UNITS,
        "",
    ]
    for option in OPTIONS:
        names = ", ".join("-" + name for name in (option.name, *option.aliases))
        default = f"default {option.default}; " if option.default and not option.boolean else ""
        lines.append(f"  {names} {option.metavar}".rstrip())
        lines += _wrapped(f"{option.help} ({default}{option.environment})", "        ")
    lines += ["  -config FILE", "        The file to read options from. (HTTPTEE_CONFIG)"]
    lines += ["  -version", "        Print the version.", "  -h, -help", "        Print this help."]
    return "\n".join(lines) + "\n"


def _usages() -> list[str]:
    indent = " " * 34
    lines = []
    for command in COMMANDS:
        start = f"       httptee {command.name} {command.usage}".rstrip()
        short = len(start) < len(indent)
        lines += [start.ljust(len(indent)) + command.help] if short else [start, indent + command.help]
    return lines


def ini_text() -> str:
    """The text of `etc/httptee.ini`: every option with its default, commented out, below its help."""
    lines = [
        "# The options of httptee, each with its default. Run it with: httptee --config /etc/httptee.ini",
        "# The environment (HTTPTEE_A_TIMEOUT for a.timeout) overrides this file. The command line overrides both.",
        "# A comment starts with # or ; and white space before it, outside of quotes. Names are case-sensitive.",
        *(f"# {line}" for line in UNITS),
        "",
        "[httptee]",
    ]
    for option in OPTIONS:
        unit = f" ({option.metavar.lower()})" if option.metavar in ("MILLISECONDS", "BYTES") else ""
        lines += ["", *_wrapped(option.help + unit, "# "), f"#{option.name} = {option.default}".rstrip()]
    return "\n".join(lines) + "\n"


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
