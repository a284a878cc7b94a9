"""The option table. The parser, the file's keys, the environment's names, the help and `etc/httptee.ini` are made from
it.

Every option is one row of `OPTIONS`. Its default is a text, as on a command line. So a default, a word on the command
line, an environment variable and a line of the file all go through the same cast.
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
        "The address to listen on: :8888 (every IPv4 and IPv6 address), host:8888 or [::1]:8888. Port 0: any free one.",
        "ADDRESS",
        field="listen",
    ),
    Option(
        "a",
        Endpoint.parse,
        "localhost:8080",
        "The production server: [http(s)://]host[:port][/prefix]. Its answers go to the clients.",
        "ENDPOINT",
    ),
    flag("a.rewrite", "Send A its own host and port in the Host header, instead of the client's Host."),
    Option("a.timeout", milliseconds, "2500", "Timeout to connect to A, then for its headers.", "MILLISECONDS"),
    Option(
        "a.idle-timeout",
        milliseconds,
        "60000",
        "The longest pause in the body of A's answer.",
        "MILLISECONDS",
    ),
    Option(
        "a.check",
        path_or_none,
        "",
        "A path on A. The admin listener requests it every 2 seconds; /readyz fails unless A answers with 2xx or 3xx.",
        "PATH",
    ),
    Option(
        "b",
        Backend.parse,
        "",
        "A test server: [http(s)://]host[:port][/prefix]. It gets clones. Its answers are discarded. Repeatable. "
        "Fields after the endpoint select its requests: b = http://canary:9001 name=canary percent=10 methods=GET,HEAD "
        "(see docs/selecting.md). The default of a field is its -b.… option. In the file: one line for each B, or "
        "b = [http://x:1, http://y:2]. In the environment: spaces between endpoints, semicolons between lines.",
        "BACKEND",
        repeatable=True,
    ),
    Option(
        "b.percent",
        percent,
        "100",
        "The percentage of requests to clone. Fractions are allowed.",
        "NUMBER",
        aliases=("p", "percent"),
    ),
    flag("b.rewrite", "Send each B its own host and port in the Host header, instead of the client's Host."),
    Option("b.timeout", milliseconds, "1000", "The longest time for a whole exchange with a B.", "MILLISECONDS"),
    Option(
        "b.workers",
        partial(or_auto, automatic=default_workers),
        "auto",
        "Shadow threads for each B. They send the clones that cannot go out at once on an idle connection. Clones on "
        "idle connections take no thread; twice this number of them may be in flight. The threads mostly wait, so auto "
        f"(or 0) is {WORKERS_PER_CORE} for each core that the process may use.",
        "NUMBER",
        aliases=("max.workers",),
    ),
    Option(
        "b.chanSize",
        count_or_none,
        "1000",
        "Clones that may wait in the queue of each B. If it is full, further clones are dropped at once.",
        "NUMBER",
        field="b_backlog",
        aliases=("max.queue",),
    ),
    Option(
        "b.methods",
        pattern,
        "",
        "Clone a request only if this regular expression is found in its method, such as ^(GET|HEAD)$.",
        "REGEX",
    ),
    Option("b.max-body", size, "1048576", "Requests with larger bodies go to A only.", "BYTES"),
    Option(
        "b.max-bytes",
        size,
        "67108864",
        "Bytes of request bodies that all clones in flight may hold together. A body that several Bs share counts "
        "once. Clones over this limit are dropped.",
        "BYTES",
    ),
    Option(
        "b.breaker-failures",
        count_or_none,
        "5",
        "After this number of failures in a row (no connection, or no answer in time) a B is down: its clones are "
        "dropped until a probe succeeds. A probe is one clone that is sent. 0: a B that is down still gets its clones.",
        "NUMBER",
    ),
    Option(
        "b.probe-interval",
        milliseconds,
        "1500",
        "The longest wait between two probes of a B that is down.",
        "MILLISECONDS",
    ),
    Option(
        "b.cutoff",
        milliseconds_or_off,
        "0",
        "Protects A. While more than 1 in 100 of A's answers take longer than this, or requests wait for a thread, the "
        "share of clones is halved every second. After that a tenth is added every second. 0: off.",
        "MILLISECONDS",
    ),
    flag("forward-client-ip", "Append the client's address to X-Forwarded-For and Forwarded (RFC 7239)."),
    flag("close-connections", "Close connections to clients and upstreams after each exchange."),
    flag("no-via", "Do not add a Via header. Loops are then not detected."),
    flag("debug", "Log debug messages too."),
    Option("threads", count, "64", "Requests to A that may be in flight at a time.", "NUMBER"),
    Option(
        "processes",
        partial(or_auto, automatic=usable_cores),
        "auto",
        "Worker processes. auto (or 0): one for each core that the process may use.",
        "NUMBER",
    ),
    flag("no-pin", "Let worker processes move between cores, instead of pinning each one to a core."),
    Option(
        "connection-limit",
        count,
        "10000",
        "Open connections from clients. Further connections are answered with 503.",
        "NUMBER",
    ),
    Option(
        "max-pending",
        count_or_none,
        "1000",
        "Requests that may wait for a thread when all threads are busy. Further ones are answered with 503 at once.",
        "NUMBER",
    ),
    Option(
        "client-timeout",
        milliseconds,
        "60000",
        "The longest time for a client to send its request line and header fields, to be silent between requests, and "
        "to send a body or read its answer at less than 500 bytes a second. Then its connection is closed.",
        "MILLISECONDS",
    ),
    Option("max-request-body", size, "2147483648", "Requests with larger bodies are answered with 413.", "BYTES"),
    Option(
        "drain-timeout",
        milliseconds,
        "5000",
        "At exit and at a reload: the time limit for requests in flight and for each B's queue.",
        "MILLISECONDS",
    ),
    Option(
        "admin",
        listen_or_none,
        "",
        "The address that serves /healthz, /readyz, /status and /metrics, such as 127.0.0.1:8889. Empty: off.",
        "ADDRESS",
    ),
    Option(
        "access-log",
        str,
        "",
        "A file for the access log: one record for each request, with the outcome of each clone. - is standard output.",
        "FILE",
    ),
    Option(
        "access-log-format",
        partial(one_of, words=("combined", "json")),
        "combined",
        "The format of the records: combined (the combined log format, then more fields on the same line) or json.",
        "FORMAT",
    ),
    Option("cert.file", str, "", "Serve HTTPS with this certificate (PEM, followed by its chain).", "FILE"),
    Option("key.file", str, "", "The certificate's private key (PEM), if it is not in the same file.", "FILE"),
    Option("key.password-file", str, "", "A file whose only line is the password of an encrypted key.", "FILE"),
    Option(
        "tls-handshake-timeout",
        milliseconds,
        "10000",
        "The longest time from a client's connecting to the end of its TLS handshake.",
        "MILLISECONDS",
    ),
    Option("client-ca", str, "", "Verify clients' certificates with these authorities (PEM).", "FILE"),
    Option(
        "client-auth",
        partial(one_of, words=("required", "optional")),
        "required",
        "Whether a client must show a certificate. A certificate that fails verification is always refused.",
        "required|optional",
    ),
    Option(
        "client-subject-header",
        field_name,
        "",
        "Send A and every B the subject of the client's certificate in this header field. The client's own is removed.",
        "NAME",
    ),
    *upstream_tls("a", "A"),
    *upstream_tls("b", "every B"),
)

BY_NAME: dict[str, Option] = {name: option for option in OPTIONS for name in (option.name, *option.aliases)}
