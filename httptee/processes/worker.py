"""One process that serves: it builds its own tee and its own server around the shared listening socket, and drains."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from waitress.adjustments import Adjustments

from httptee.app import Tee
from httptee.build import WHOLE, Part, build_tee
from httptee.ledger import Ledger
from httptee.processes.vitals import Vitals
from httptee.server import Server, TlsServer, Turns
from httptee.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_MAX_HEADER = 64 * 1024
_IN_MEMORY_BODY = 512 * 1024


def run_worker(
    settings: Settings,
    ledger: Ledger,
    listening: socket.socket,
    part: Part,
    *,
    tls: ssl.SSLContext | None = None,
    ready: Callable[[], object] = lambda: None,
    closed: Callable[[], object] = lambda: None,
    wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Serve until SIGTERM, then answer what is in flight and drain the shadows.

    `ready` is called once connections are accepted and signals handled, `closed` when no more are accepted; where
    `wanted` turns false, once a second at most, the worker ends by itself. Must run in the main thread of its process.
    """
    if settings.pin:
        pin(part.row)
    tee = build_tee(settings, ledger, part)
    server = build_tee_server(tee, settings, listening, part, tls)
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    vitals = Vitals(ledger.worker(part.row), server, tee)
    server.on_count = vitals.count
    server.turns = Turns(ledger.fewest_connections)
    vitals.begin()
    ready()
    server.run(lambda: vitals.published() and wanted())
    vitals.drain()
    server.stop_accepting()
    closed()
    retire(server, tee, settings)


def retire(server: Server, tee: Tee, settings: Settings) -> None:
    """Answer what is in flight, and drain the shadows, within one drain timeout."""
    deadline = monotonic() + settings.drain_timeout
    server.drain(settings.drain_timeout)
    tee.close(max(0.0, deadline - monotonic()))


def build_tee_server(
    tee: Tee,
    settings: Settings,
    listening: socket.socket,
    part: Part = WHOLE,
    tls: ssl.SSLContext | None = None,
) -> Server:
    """The server before a tee, which hears of what the server answers itself."""
    server = build_server(tee, settings, listening, part, tls)
    server.crew.hurried = lambda: tee.pressure.high
    server.on_refusal = tee.refused
    server.on_turned_away = tee.turned_away
    if tee.cutoff is not None:
        tee.cutoff.queueing = lambda: server.crew.queueing
    return server


def build_server(
    application: WSGIApplication,
    settings: Settings,
    listening: socket.socket,
    part: Part = WHOLE,
    tls: ssl.SSLContext | None = None,
) -> Server:
    """The server of one worker process, with its part of the bounds; HTTPS with `tls`, plain HTTP
    without. No thread is started."""
    adjustments = Adjustments(
        max_request_header_size=_MAX_HEADER,
        max_request_body_size=settings.max_request_body,
        inbuf_overflow=_IN_MEMORY_BODY,
        connection_limit=part.of(settings.connection_limit, least=1),
        clear_untrusted_proxy_headers=False,
        url_scheme="https" if tls else "http",
    )
    make = partial(TlsServer, context=tls, handshake_timeout=settings.tls_handshake_timeout) if tls else Server
    return make(
        application,
        listening,
        adjustments,
        threads=part.of(settings.threads, least=1),
        client_timeout=settings.client_timeout,
        close_connections=settings.close_connections,
        max_pending=part.of(settings.max_pending),
    )


def pin(row: int) -> None:
    """Keep this process on one core: a GIL that moves between cores spends its time moving.

    And let none of its threads interrupt another by being woken (SCHED_BATCH). On one core that is always the wrong
    moment: who hands on the GIL wakes the next thread while it still holds the lock around it, and would be waited for.
    """
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[row % len(cores)]})
    with contextlib.suppress(OSError):  # a sandbox may forbid it
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
