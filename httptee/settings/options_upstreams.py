"""The rows of the option table that are about A and the Bs."""

from __future__ import annotations

from functools import partial

from httptee.http import Endpoint
from httptee.selection import pattern
from httptee.settings.backend import Backend
from httptee.settings.casts import (
    WORKERS_PER_CORE,
    count,
    count_or_auto,
    count_or_none,
    default_workers,
    head_size,
    milliseconds,
    milliseconds_or_off,
    one_of,
    or_auto,
    path_or_none,
    percent,
    proxy_version,
    rates_address,
    size,
)
from httptee.settings.option import Option, flag

UPSTREAM_OPTIONS: tuple[Option, ...] = (
    Option(
        "a",
        Endpoint.parse,
        "localhost:8080",
        "The production server: [http(s)://]host[:port][/prefix], or a Unix socket, unix:/run/app.sock[:/prefix]. Its "
        "answers go to the clients.",
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
        "a.keep-alive",
        milliseconds,
        "30000",
        "How long a connection to A may be idle and be used again. A shorter limit of A's own is honored.",
        "MILLISECONDS",
    ),
    Option(
        "a.stream-from",
        size,
        "65536",
        "A request body that is announced with more bytes goes on to A while it arrives, and a chunked one once it has "
        "more. At most a quarter of -threads pass on such bodies at a time; further ones are read before A is asked. "
        "0: all are.",
        "BYTES",
    ),
    Option(
        "a.check",
        path_or_none,
        "",
        "A path on A. The admin listener requests it every 2 seconds; /readyz fails unless A answers with 2xx or 3xx.",
        "PATH",
    ),
    Option(
        "a.send-proxy",
        proxy_version,
        "off",
        "Begin each connection to A with a preamble of the PROXY protocol that names the client. A connection then "
        "carries the requests of one client connection only. send-proxy in a B's line does the same for this B.",
        "off|v1|v2",
    ),
    Option(
        "b",
        Backend.parse,
        "",
        "A test server: [http(s)://]host[:port][/prefix] or unix:/run/app.sock[:/prefix]. It gets clones. Its "
        "answers are discarded. Repeatable. "
        "Fields after the endpoint select its requests: b = http://canary:9001 name=canary percent=10 methods=GET,HEAD "
        "(see docs/selecting.md). If the line has no timeout, -b.timeout applies; the same for percent, methods, "
        "workers, chan-size, max-body, rewrite, insecure, ca, cert, key and server-name. The other fields have no "
        "-b option. In the file: one line for each B, or b = [http://x:1, http://y:2]. In the environment: spaces "
        "between endpoints, semicolons between lines.",
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
    Option(
        "b.timeout",
        milliseconds,
        "1000",
        "The longest time for an exchange with a B, up to the head of its answer. The rest of an answer that streams "
        "may take as long again; stream-timeout in a B's line sets another time for it.",
        "MILLISECONDS",
    ),
    Option(
        "b.keep-alive",
        milliseconds,
        "30000",
        "How long a connection to a B may be idle and be used again. A shorter limit of the B's own is honored.",
        "MILLISECONDS",
    ),
    Option(
        "b.workers",
        partial(or_auto, automatic=default_workers),
        "auto",
        "Shadow threads for each B. They send the clones that have to wait: those that cannot go out at once on an "
        "idle connection. Clones on idle connections take no thread; in addition to the others, twice this number of "
        "them may be in flight. The threads mostly wait, so auto "
        f"(or 0) is {WORKERS_PER_CORE} for each core that the process may use.",
        "NUMBER",
        aliases=("max.workers",),
    ),
    Option(
        "b.chanSize",
        count_or_auto,
        "auto",
        "Clones that may wait in the queue of each B. If it is full, further clones are dropped at once. auto: 1000 "
        "small ones (up to 4 KiB each) in any case, and as many more as -b.max-bytes has room for.",
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
        "Bytes that all clones in flight may hold together: bodies, heads, and about half a KiB for each clone. What "
        "several Bs share counts once. Clones over this limit are dropped.",
        "BYTES",
    ),
    Option(
        "b.breaker-failures",
        count_or_none,
        "5",
        "After this number of failures in a row a B is down: no connection, no head of an answer in time, TLS that "
        "fails, an answer that is not HTTP/1 or costs the tee too much. Its clones are dropped until a probe succeeds. "
        "A probe is one clone that is sent. 0: no clone is dropped for this reason.",
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
        "b.when-a-fails",
        partial(one_of, words=("drop", "send")),
        "drop",
        "What becomes of the clone of a request that A certainly did not get, because there was no connection to A. "
        "drop: no B gets it, so a B stores nothing that A has not stored. send: every B gets it. A request that was "
        "sent to A is cloned in any case.",
        "drop|send",
    ),
    Option(
        "b.cutoff",
        milliseconds_or_off,
        "0",
        "Protects A. While more than 1 in 100 of A's answers take longer than this, or requests wait for a thread, the "
        "share of clones is halved every second. After that, ten percentage points are added every second. 0: off.",
        "MILLISECONDS",
    ),
    Option(
        "b.rates",
        rates_address,
        "",
        "A Redis server through which several tees share the rate of each B, such as redis://10.0.0.5/rates: all that "
        "name the same topic, and a B of the same name, keep to its rate together. While the server is down, each tee "
        "keeps to the whole rate by itself, and says so.",
        "ADDRESS",
    ),
    Option(
        "dns.ttl",
        milliseconds,
        "30000",
        "How long the addresses of A and each B are used before their names are looked up again, in the background.",
        "MILLISECONDS",
    ),
    Option(
        "max-response-fields",
        count,
        "1024",
        "Header fields that an answer of A may have. The client gets 502 for one with more.",
        "NUMBER",
    ),
    Option(
        "max-response-header",
        head_size,
        "262144",
        "Size of the status line and the header fields of an answer of A. The client gets 502 for a larger one.",
        "BYTES",
    ),
)
