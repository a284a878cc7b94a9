"""The option table, and what is written from it: environment names, the help, and `etc/httptee.ini`.

Every option is one row of `OPTIONS`. Its default is the text that somebody would type, so that a default, a word on
the command line, an environment variable and a line of the file all go through the same cast.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from httptee.backend import Backend, split_backends
from httptee.casts import (
    WORKERS_PER_CORE,
    boolean,
    count,
    count_or_none,
    default_workers,
    field_name,
    listen_or_none,
    milliseconds,
    milliseconds_or_off,
    one_of,
    or_auto,
    path_or_none,
    pattern,
    percent,
    size,
    usable_cores,
)
from httptee.endpoint import Endpoint, Listen


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its name as the Go tees spell it, and `cast` from text to value (ValueError states the rule).

    `field` names the attribute of `Settings` where the name does not say it; `aliases` are further names.
    """

    name: str
    cast: Callable[[str], object]
    default: str
    help: str
    metavar: str = ""
    field: str = ""
    aliases: tuple[str, ...] = ()
    repeatable: bool = False
    boolean: bool = False

    @property
    def setting(self) -> str:
        """The attribute of `Settings` that holds the value."""
        return self.field or re.sub("[.-]", "_", self.name)

    @property
    def environment(self) -> str:
        """The environment variable that sets this option."""
        return "HTTPTEE_" + re.sub("[.-]", "_", self.name).upper()

    def value(self, texts: list[str]) -> object:
        """The value for what was given, in order: all of it if repeatable, or else the last. Raises ValueError."""
        values = tuple(self.cast(text) for text in texts)
        return values if self.repeatable else values[-1]

    def texts(self, text: str) -> list[str]:
        """What one environment variable or one line of the file says: several texts if repeatable."""
        return split_backends(text) if self.repeatable else [text]


def _flag(name: str, text: str) -> Option:
    """A boolean, false unless given; `no-via` is kept the other way round, as `via`."""
    if name.startswith("no-"):
        return Option(name, lambda text: not boolean(text), "false", text, field=name[3:], boolean=True)
    return Option(name, boolean, "false", text, boolean=True)


def _upstream_tls(name: str, whose: str) -> tuple[Option, ...]:
    """How an https upstream is verified, and the tee by it."""
    return (
        Option(f"{name}.ca", str, "", f"Verify {whose} by these authorities (PEM), not the system's.", "FILE"),
        Option(f"{name}.cert", str, "", f"The client certificate to show to {whose} (PEM).", "FILE"),
        Option(f"{name}.key", str, "", "Its private key, if it is not in the same file (PEM).", "FILE"),
        _flag(f"{name}.insecure", f"Take any certificate from {whose}: whoever is in between can read and change all."),
        Option(
            f"{name}.server-name", str, "", f"The name to ask {whose} for and to verify, not the endpoint's.", "NAME"
        ),
    )


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
    _flag("a.rewrite", "Send A its own host and port as the Host header, not the client's."),
    Option("a.timeout", milliseconds, "2500", "How long A may take to the headers of its answer.", "MILLISECONDS"),
    Option(
        "a.idle-timeout",
        milliseconds,
        "60000",
        "The longest silence within the body of A's answer.",
        "MILLISECONDS",
    ),
    Option(
        "a.check",
        path_or_none,
        "",
        "A path of A's that the admin listener asks for every few seconds; /readyz fails unless A answers 2xx or 3xx.",
        "PATH",
    ),
    Option(
        "b",
        Backend.parse,
        "",
        "A test server, which gets clones and whose answers nobody sees: [http(s)://]host[:port][/prefix]. Repeatable. "
        "After it may come what it gets: b = http://canary:9001 name=canary percent=10 methods=GET,HEAD (see "
        "docs/selecting.md); the -b.… options hold for what is not said. In the file one line each, or "
        "b = [http://x:1, http://y:2]; in the environment spaces between endpoints, semicolons between lines.",
        "BACKEND",
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
    _flag("b.rewrite", "Send each B its own host and port as the Host header, not the client's."),
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
    Option(
        "b.max-bytes",
        size,
        "67108864",
        "Bytes of request bodies that all clones in hand may hold together; one that several B share counts once. "
        "Clones beyond are dropped.",
        "BYTES",
    ),
    Option(
        "b.breaker-failures",
        count_or_none,
        "5",
        "Failures in a row, to connect or to answer in time, after which a B is taken to be down: its clones are "
        "dropped until one that is let through to try succeeds. 0 sends them all the same.",
        "NUMBER",
    ),
    Option(
        "b.probe-interval",
        milliseconds,
        "1500",
        "The longest wait between two tries at a B that is down.",
        "MILLISECONDS",
    ),
    Option(
        "b.cutoff",
        milliseconds_or_off,
        "0",
        "Protect A: while more than 1 in 100 of A's answers take longer than this, or requests wait for a thread, "
        "halve the share of clones every second; give it back by tenths. 0 is off.",
        "MILLISECONDS",
    ),
    _flag("forward-client-ip", "Append the client's address to X-Forwarded-For and Forwarded (RFC 7239)."),
    _flag("close-connections", "Close connections to clients and upstreams after each exchange."),
    _flag("no-via", "Do not add a Via header."),
    _flag("debug", "Log more."),
    Option("threads", count, "64", "Requests to A in flight at a time.", "NUMBER"),
    Option(
        "processes",
        partial(or_auto, automatic=usable_cores),
        "auto",
        "Worker processes. auto (or 0) is one for each core that may be used.",
        "NUMBER",
    ),
    _flag("no-pin", "Let worker processes move between cores, rather than keep each to its own."),
    Option(
        "connection-limit",
        count,
        "10000",
        "Connections from clients at a time. Those beyond are answered with 503.",
        "NUMBER",
    ),
    Option(
        "max-pending",
        count_or_none,
        "1000",
        "Requests that may wait for a thread when all are at A. Those beyond are answered with 503 at once.",
        "NUMBER",
    ),
    Option(
        "client-timeout",
        milliseconds,
        "60000",
        "How long a client may take over its request line and header fields, be silent between requests, or be slower "
        "than 500 bytes a second in sending a body or taking its answer.",
        "MILLISECONDS",
    ),
    Option("max-request-body", size, "2147483648", "Requests with larger bodies are answered with 413.", "BYTES"),
    Option(
        "drain-timeout",
        milliseconds,
        "5000",
        "How long requests in flight and each B's backlog get at exit and reload.",
        "MILLISECONDS",
    ),
    Option(
        "admin",
        listen_or_none,
        "",
        "Where to serve /healthz, /readyz, /status and /metrics, such as 127.0.0.1:8889. Nowhere unless given.",
        "ADDRESS",
    ),
    Option(
        "access-log",
        str,
        "",
        "A file for one record a request, with what became of each B's clone; - is the standard output.",
        "FILE",
    ),
    Option(
        "access-log-format",
        partial(one_of, words=("combined", "json")),
        "combined",
        "How these records look: combined (the combined log format, and more at the end of the line) or json.",
        "FORMAT",
    ),
    Option("cert.file", str, "", "Serve HTTPS with this certificate, its chain behind it (PEM).", "FILE"),
    Option("key.file", str, "", "The certificate's private key, if it is not in the same file (PEM).", "FILE"),
    Option("key.password-file", str, "", "The password of an encrypted key, as the only line of a file.", "FILE"),
    Option(
        "tls-handshake-timeout",
        milliseconds,
        "10000",
        "How long a client may take from connecting to the end of its TLS handshake.",
        "MILLISECONDS",
    ),
    Option("client-ca", str, "", "Verify clients' certificates by these authorities (PEM).", "FILE"),
    Option(
        "client-auth",
        partial(one_of, words=("required", "optional")),
        "required",
        "Whether a client must have a certificate. One that does not verify is refused in any case.",
        "required|optional",
    ),
    Option(
        "client-subject-header",
        field_name,
        "",
        "Tell A and B the subject of the client's certificate in this header field, and nobody else's word for it.",
        "NAME",
    ),
    *_upstream_tls("a", "A"),
    *_upstream_tls("b", "every B"),
)

BY_NAME: dict[str, Option] = {name: option for option in OPTIONS for name in (option.name, *option.aliases)}


def help_text() -> str:
    """What `-h` prints."""
    lines = [
        "Usage: httptee [options]",
        "       httptee explain [options] [-H 'Name: value'] [-d BODY] 'METHOD /target'    who would get this request?",
        "       httptee check [options]    are the options right, and A and every B there?",
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
