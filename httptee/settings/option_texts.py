"""The texts that are made from the option table: the help, and `etc/httptee.ini`."""

from __future__ import annotations

import textwrap

from httptee.settings.options import OPTIONS

_UNITS = (
    "A time is a number of milliseconds, or has a unit: 250ms, 2.5s, 1m, 1h. A size is a number of bytes, or has a",
    "unit: 64k, 1.5MB, 2GiB (powers of 1024). Instead of true and false, yes and no, on and off are accepted too.",
)


def help_text() -> str:
    """The text that `-h` prints."""
    lines = [
        "Usage: httptee [options]",
        "       httptee explain [options] [-H 'Name: value'] [-d BODY] [--client ADDRESS] 'METHOD /target'",
        "                                  prints which servers get this request, by which rule, and its bytes",
        "       httptee check [options]    checks the options and connects to A and every B",
        "       httptee verdict [DIR|URL]  prints whether B can replace A, as the running tee knows it; -h: more",
        "       httptee ctl COMMAND        pauses a B of the running tee, changes its share, reloads; -h: more",
        "       httptee --demo [serve]     runs two echo servers and a tee, and sends requests through it",
        "",
        "Every request goes to server A, and the client gets A's answer. A clone goes to the test servers B.",
        "One dash or two, -name value or -name=value; true or false only with =. The command line overrides the",
        "environment, and the environment overrides the file. In the file an option is a line: a.timeout = 2500",
        *_UNITS,
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


def ini_text() -> str:
    """The text of `etc/httptee.ini`: every option with its default, commented out, below its help."""
    lines = [
        "# The options of httptee, each with its default. Run it with: httptee --config /etc/httptee.ini",
        "# The environment (HTTPTEE_A_TIMEOUT for a.timeout) overrides this file. The command line overrides both.",
        "# A comment starts with # or ; and white space before it, outside of quotes. Names are case-sensitive.",
        *(f"# {line}" for line in _UNITS),
        "",
        "[httptee]",
    ]
    for option in OPTIONS:
        unit = f" ({option.metavar.lower()})" if option.metavar in ("MILLISECONDS", "BYTES") else ""
        lines += ["", *_wrapped(option.help + unit, "# "), f"#{option.name} = {option.default}".rstrip()]
    return "\n".join(lines) + "\n"


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
