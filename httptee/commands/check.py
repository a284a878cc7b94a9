"""`httptee check`: checks the options, and connects to A and to every B. It sends no request."""

from __future__ import annotations

import socket
import ssl
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from httptee.build import primary_upstream, shadow_upstream
from httptee.commands.paper import printer
from httptee.errors import ConfigError, UpstreamError
from httptee.http import Endpoint
from httptee.server.sockets import listening_tls
from httptee.settings import Settings, check_same, load_or_exit, own_addresses, shadow_settings
from httptee.transport import Upstream


@dataclass(frozen=True)
class Row:
    """One server: the addresses of its name, and the result of a connection to it."""

    server: str
    endpoint: str
    addresses: str
    result: str
    good: bool


def run_check(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command: print a table; return 0 if everything is fine, 1 if a server fails, 2 for an
    invalid option."""
    settings = load_or_exit(argv, environ)
    try:
        listening_tls(settings)
        check_same(settings, own_addresses(settings))
    except ConfigError as error:
        print("httptee:", " ".join(str(error).splitlines()), file=sys.stderr)
        return 2
    rows = list(check(settings))
    show = printer()
    head, *lines = table(rows).splitlines()
    show("head", head)
    for row, line in zip(rows, lines, strict=True):
        show("good" if row.good else "error", line)
    return 0 if all(row.good for row in rows) else 1


def check(settings: Settings) -> Iterator[Row]:
    """The row of A, then the row of every B."""
    yield _row("A", settings.a, primary_upstream(settings), settings.a_timeout)
    for shadow in shadow_settings(settings):
        name = "B" if shadow.name == str(shadow.endpoint) else f"B {shadow.name}"
        yield _row(name, shadow.endpoint, shadow_upstream(settings, shadow), shadow.timeout)


def table(rows: Sequence[Row]) -> str:
    """The rows as a table with a header and aligned columns."""
    cells = [("", "endpoint", "resolves to", "result")]
    cells += [(row.server, row.endpoint, row.addresses, row.result) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[3]]) for line in cells
    )


def _row(server: str, endpoint: Endpoint, upstream: Upstream, timeout: float) -> Row:
    addresses = "-"
    try:
        if not endpoint.socket:
            found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
            addresses = " ".join(dict.fromkeys(str(address[0]) for *_, address in found))
        return Row(server, str(endpoint), addresses, _connected(upstream, timeout), True)
    except (UpstreamError, OSError) as error:
        return Row(server, str(endpoint), addresses, _trouble(error), False)


def _connected(upstream: Upstream, timeout: float) -> str:
    started = monotonic()
    connection = upstream.connect(timeout)
    took = f"connected in {(monotonic() - started) * 1000:.1f} ms"
    try:
        sock = connection.sock
        if not isinstance(sock, ssl.SSLSocket):
            return took
        certificate = sock.getpeercert()
        known = f"certificate until {certificate['notAfter']}" if certificate else "certificate not verified"
        return f"{took}, {sock.version()}, {known}"
    finally:
        connection.close()


def _trouble(error: BaseException) -> str:
    """The reason slug, and the text of the innermost error. The outer errors add the server, which the row names."""
    reason = error.reason if isinstance(error, UpstreamError) else "connect"
    inner = error
    while inner.__cause__ is not None:
        inner = inner.__cause__
    said = getattr(inner, "verify_message", "") or getattr(inner, "strerror", "") or str(inner)
    return f"{reason}: {said}"
