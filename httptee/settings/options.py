"""The option table: from it come the parser, the file's keys, the environment's names, the help and `etc/httptee.ini`.

Every option is one row of `OPTIONS`. Its default is the text that somebody would type, so that a default, a word on
the command line, an environment variable and a line of the file all go through the same cast.
"""

from __future__ import annotations

from functools import partial

from httptee.http import Endpoint, Listen
from httptee.selection import pattern
from httptee.settings.backend import Backend
from httptee.settings.casts import (
    WORKERS_PER_CORE,
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
    percent,
    size,
    usable_cores,
)
from httptee.settings.option import Option, flag, upstream_tls

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
    flag("b.rewrite", "Send each B its own host and port as the Host header, not the client's."),
    Option("b.timeout", milliseconds, "1000", "How long a whole exchange with a B may take.", "MILLISECONDS"),
    Option(
        "b.workers",
        partial(or_auto, automatic=default_workers),
        "auto",
        "Threads for each B, for clones that cannot go out at once on an idle connection; twice as many may be under "
        f"way on those. They wait rather than compute, so auto (or 0) is {WORKERS_PER_CORE} for each core that the "
        "process may use.",
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
    *upstream_tls("a", "A"),
    *upstream_tls("b", "every B"),
)

BY_NAME: dict[str, Option] = {name: option for option in OPTIONS for name in (option.name, *option.aliases)}
