"""The option table, and what is written from it: environment names, the help, and `etc/httptee.ini`.

Every option is one row of `OPTIONS`. Its default is the text that somebody would type, so that a default, a word on
the command line, an environment variable and a line of the file all go through the same cast.
"""

from __future__ import annotations

import textwrap
from functools import partial

from httptee.casts import (
    WORKERS_PER_CORE,
    count,
    count_or_none,
    default_workers,
    milliseconds,
    or_auto,
    pattern,
    percent,
    size,
    usable_cores,
)
from httptee.endpoint import Endpoint, Listen
from httptee.option import Option, flag
from httptee.tls_options import TLS_OPTIONS

OPTIONS: tuple[Option, ...] = (
    Option(
        "l",
        Listen.parse,
        ":8888",
        "Where to listen: :8888 (every IPv4 and IPv6 address), host:8888 or [::1]:8888. Port 0 takes any free port.",
        "ADDRESS",
        field="listen",
    ),
    Option(
        "a",
        Endpoint.parse,
        "localhost:8080",
        "The production server, whose answers go to the clients: [http(s)://]host[:port][/prefix].",
        "ENDPOINT",
    ),
    flag("a.rewrite", "Send A its own host and port as the Host header, not the client's."),
    Option("a.timeout", milliseconds, "2500", "How long A may take to the headers of its answer.", "MILLISECONDS"),
    Option(
        "a.idle-timeout",
        milliseconds,
        "60000",
        "The longest silence within the body of A's answer.",
        "MILLISECONDS",
    ),
    Option(
        "b",
        Endpoint.parse,
        "",
        "A test server, which gets clones and whose answers nobody sees: [http(s)://]host[:port][/prefix]. "
        "Repeatable. In the file one line each, or b = [http://x:1, http://y:2]; in the environment spaces between.",
        "ENDPOINT",
        repeatable=True,
    ),
    Option(
        "b.percent",
        percent,
        "100",
        "How many of 100 requests to clone; may be a fraction.",
        "NUMBER",
        aliases=("p", "percent"),
    ),
    flag("b.rewrite", "Send each B its own host and port as the Host header, not the client's."),
    Option("b.timeout", milliseconds, "1000", "How long a whole exchange with a B may take.", "MILLISECONDS"),
    Option(
        "b.workers",
        partial(or_auto, automatic=default_workers),
        "auto",
        f"Threads for each B. They wait rather than compute, so auto (or 0) is {WORKERS_PER_CORE} for each core that "
        "the process may use.",
        "NUMBER",
        aliases=("max.workers",),
    ),
    Option(
        "b.chanSize",
        count_or_none,
        "1000",
        "Clones that may wait for a worker of each B. Those beyond are dropped at once.",
        "NUMBER",
        field="b_backlog",
        aliases=("max.queue",),
    ),
    Option(
        "b.methods",
        pattern,
        "",
        "Clone only requests in whose method this regular expression is found, such as ^(GET|HEAD)$.",
        "REGEX",
    ),
    Option("b.max-body", size, "1048576", "Requests with larger bodies go to A whole, and to no B.", "BYTES"),
    flag("forward-client-ip", "Append the client's address to X-Forwarded-For and Forwarded (RFC 7239)."),
    flag("close-connections", "Close connections to clients and upstreams after each exchange."),
    flag("no-via", "Do not add a Via header."),
    flag("debug", "Log more."),
    Option("threads", count, "64", "Requests to A in flight at a time.", "NUMBER"),
    Option(
        "processes",
        partial(or_auto, automatic=usable_cores),
        "auto",
        "Worker processes. auto (or 0) is one for each core that may be used.",
        "NUMBER",
    ),
    flag("no-pin", "Let worker processes move between cores, rather than keep each to its own."),
    Option("connection-limit", count, "10000", "Connections from clients at a time.", "NUMBER"),
    Option("max-request-body", size, "2147483648", "Requests with larger bodies are answered with 413.", "BYTES"),
    Option("drain-timeout", milliseconds, "5000", "How long each B's backlog gets at exit.", "MILLISECONDS"),
    *TLS_OPTIONS,
)

BY_NAME: dict[str, Option] = {name: option for option in OPTIONS for name in (option.name, *option.aliases)}


def help_text() -> str:
    """What `-h` prints."""
    lines = [
        "Usage: httptee [options]",
        "",
        "Every request goes to server A, whose answer the client gets, and a clone of it to the test servers B.",
        "One dash or two, -name value or -name=value; true or false only with =. The command line beats the",
        "environment, which beats the file. In the file an option is a line such as: a.timeout = 2500",
        "",
    ]
    for option in OPTIONS:
        names = ", ".join("-" + name for name in (option.name, *option.aliases))
        default = f"default {option.default}; " if option.default and not option.boolean else ""
        lines.append(f"  {names} {option.metavar}".rstrip())
        lines += _wrapped(f"{option.help} ({default}{option.environment})", "        ")
    lines += ["  -config FILE", "        The file to read options from. (HTTPTEE_CONFIG)"]
    lines += ["  -version", "        Print the version.", "  -h, -help", "        Print this."]
    return "\n".join(lines) + "\n"


def ini_text() -> str:
    """The text of `etc/httptee.ini`: every option at its default, commented out, below its help."""
    lines = [
        "# Options of httptee, each at its default. Run it with: httptee --config /etc/httptee.ini",
        "# A name in the environment (HTTPTEE_A_TIMEOUT for a.timeout) beats this file, the command line beats both.",
        "# Comments start with # or ; and case matters in names.",
        "",
        "[httptee]",
    ]
    for option in OPTIONS:
        unit = f" ({option.metavar.lower()})" if option.metavar in ("MILLISECONDS", "BYTES") else ""
        lines += ["", *_wrapped(option.help + unit, "# "), f"#{option.name} = {option.default}".rstrip()]
    return "\n".join(lines) + "\n"


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
