"""The rows of the option table that are about clients, processes, logs and TLS."""

from __future__ import annotations

from functools import partial

from httptee.http import Listen
from httptee.settings.casts import (
    count,
    count_or_none,
    field_name,
    file_mode,
    id_field_name,
    listen_or_none,
    milliseconds,
    one_of,
    or_auto,
    proxies_or_none,
    size,
    socket_path,
    usable_cores,
)
from httptee.settings.option import Option, flag

LISTEN_OPTION = Option(
    "l",
    Listen.parse,
    ":8888",
    "The address to listen on: :8888 (every IPv4 and IPv6 address), host:8888, [::1]:8888 or a Unix socket, "
    "unix:/run/httptee.sock. Port 0: any free one.",
    "ADDRESS",
    field="listen",
)

SERVER_OPTIONS: tuple[Option, ...] = (
    flag("forward-client-ip", "Append the client's address to X-Forwarded-For and Forwarded (RFC 7239)."),
    Option(
        "proxy-protocol",
        proxies_or_none,
        "",
        "Whose connections begin with a preamble of the PROXY protocol, version 1 or 2: addresses and networks with "
        "commas between, and unix for a Unix socket. Without a valid one within -tls-handshake-timeout, such a "
        "connection is closed. Others are served as they are.",
        "ADDRESSES",
    ),
    flag(
        "x-forwarded",
        "Set X-Forwarded-Proto, X-Forwarded-Host and X-Forwarded-Port to what the client asked for. Those of trusted "
        "proxies stay.",
    ),
    Option(
        "trusted-proxies",
        proxies_or_none,
        "",
        "Whose X-Forwarded-For counts: addresses and networks with commas between, and unix for the clients of a Unix "
        "socket. The client is then the last address in it that is none of theirs, for sticky=client-ip, for {client} "
        "and in the access log.",
        "ADDRESSES",
    ),
    flag("close-connections", "Close connections to clients and upstreams after each exchange."),
    flag(
        "no-via",
        "Do not add a Via header. A loop back into the tee is then found only after many passes in a second.",
    ),
    flag(
        "allow-same",
        "Start even if A or a B is this tee itself, or if a B is A and would get every request twice. allow-same in a "
        "B's line permits it for that B.",
    ),
    flag("debug", "Log debug messages too."),
    Option(
        "threads",
        count,
        "64",
        "Requests to A that may be in flight at a time. Up to 1,000 more threads in each process replace those "
        "that wait for clients which read slowly.",
        "NUMBER",
    ),
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
        "The time limit for a request line with its header fields, and for silence between requests. In every period "
        "of this length, the body that a client sends, or the answer that it reads, must advance by 500 bytes for "
        "each second. Otherwise its connection is closed.",
        "MILLISECONDS",
    ),
    Option(
        "upgrades",
        count_or_none,
        "1000",
        "Connections that may be upgraded at a time, for WebSockets and the like, in all worker processes together. A "
        "further request for one is answered with 503. 0: requests are forwarded without the fields that ask for it.",
        "NUMBER",
    ),
    Option(
        "upgrade-idle-timeout",
        milliseconds,
        "3600000",
        "An upgraded connection that carries nothing for this time is reset.",
        "MILLISECONDS",
    ),
    Option(
        "max-request-memory",
        size,
        "67108864",
        "Bytes of incomplete and unanswered requests held in memory. Above it, their bodies are kept in files.",
        "BYTES",
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
        "The address that serves / (a page for people), /healthz, /readyz, /status, /metrics and /verdict, such as "
        "127.0.0.1:8889 or unix:/run/httptee-admin.sock. Empty: off.",
        "ADDRESS",
    ),
    Option(
        "socket-mode",
        file_mode,
        "660",
        "The permissions of the files of -l and -admin where these are Unix sockets, in octal. To connect, one needs "
        "the permission to write.",
        "MODE",
    ),
    Option(
        "socket-owner",
        str,
        "",
        "The owner of these files: USER, USER:GROUP or :GROUP, by name or number. Empty: the user of the tee.",
        "OWNER",
    ),
    Option(
        "control",
        socket_path,
        "",
        "A Unix socket by which httptee ctl pauses a B, changes its share, reloads and more. Only the user of the tee "
        "and root can use it. Empty: off.",
        "FILE",
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
    Option(
        "log-format",
        partial(one_of, words=("text", "json")),
        "text",
        "The format of the tee's own log on standard error: text, or json (one object on each line).",
        "FORMAT",
    ),
    Option(
        "request-id-header",
        id_field_name,
        "",
        "The header field with the id of a request, such as X-Request-Id. The client's id stays if it is well-formed, "
        "else one is made. A and every B get the same, and it is in the access log and in the evidence. Empty: none.",
        "NAME",
    ),
    Option(
        "pid-file",
        str,
        "",
        "A file that contains the number of the process that gets the signals, while the tee runs.",
        "FILE",
    ),
    Option("cert.file", str, "", "Serve HTTPS with this certificate (PEM, followed by its chain).", "FILE"),
    Option("key.file", str, "", "The certificate's private key (PEM), if it is not in the same file.", "FILE"),
    Option("key.password-file", str, "", "A file whose only line is the password of an encrypted key.", "FILE"),
    Option(
        "tls-handshake-timeout",
        milliseconds,
        "10000",
        "The longest time from a client's connecting to the end of its TLS handshake, and of its PROXY preamble.",
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
)
