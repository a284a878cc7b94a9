"""One worker process: builds its own tee and server around the shared listening socket, serves, and drains."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable
from functools import partial
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any

from waitress.adjustments import Adjustments

from httptee.app import Tee
from httptee.build import WHOLE, Part, Watching, build_tee
from httptee.errors import NoPreamble
from httptee.ledger import Ledger
from httptee.processes.child import CannotRunError
from httptee.processes.vitals import Vitals
from httptee.server import ProxiedServer, ProxiedTlsServer, Server, Streaming, TlsServer, Turns, Uploads
from httptee.settings import Settings, shadow_settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_MAX_HEADER = 64 * 1024
_LOOK_AFTER = 1.0  # seconds


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
    watching: Watching | None = None,
) -> None:
    """Serve until SIGTERM, then answer the requests in flight and drain the shadows.

    `ready` is called when connections are accepted and signals are handled, `closed` when no more are accepted.
    `wanted` is called about once a second; if it returns False, the worker ends. Must run in the main thread of its
    process. Raises CannotRunError if not a single serving thread can be started.
    """
    if settings.pin:
        pin(part.row)
    tee = build_tee(settings, ledger, part, watching)
    server = build_tee_server(tee, settings, listening, part, tls)
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    vitals = Vitals(ledger.worker(part.row), server, tee)
    server.on_count = vitals.count
    server.turns = Turns(ledger.fewest_connections)
    _begin(server)
    vitals.begin()
    ready()
    look = Look(tee) if part.row == 0 else None
    server.run(lambda: vitals.published() and (look is None or look.taken()) and wanted())
    vitals.drain()
    server.stop_accepting()
    closed()
    retire(server, tee, settings)
    vitals.drained()
    ledger.settle_unanswered(part.row)  # clones that shadow threads still send: they end with this process


def _begin(server: Server) -> None:
    server.crew.start()
    if not server.crew.started:
        raise CannotRunError("it may start no thread (ulimit -u, pids.max of the cgroup)")
    server.heap.begin()


class Look:
    """Has a thread log a warning, soon after the start, if A cannot be reached and no request has shown it before."""

    def __init__(self, tee: Tee) -> None:
        self._primary = tee.primary
        self._at = monotonic() + _LOOK_AFTER

    def taken(self) -> bool:
        """Start the thread if it is time; always True. The server's main thread calls it about once a second."""
        if monotonic() >= self._at:
            self._at = inf
            if not self._primary.asked:
                with contextlib.suppress(RuntimeError, MemoryError):  # the process may start no more threads
                    threading.Thread(target=self._primary.look, name="look", daemon=True).start()
        return True


def retire(server: Server, tee: Tee, settings: Settings) -> None:
    """Answer the requests in flight and drain the shadows, both within one drain timeout."""
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
    """The server of a tee. The tee counts the requests and connections that the server refuses."""
    server = build_server(tee, settings, listening, part, tls)
    server.crew.hurried = lambda: tee.pressure.high
    threads = part.of(settings.threads, least=1)
    server.uploads = Uploads(_streaming(settings), threads, lambda: server.crew.queueing)
    server.on_refusal = tee.refused
    server.on_discard = tee.discarded
    server.on_turned_away = tee.connection_refused
    server.given_up = lambda: tee.primary.upgraded
    if isinstance(server, ProxiedServer):
        server.on_unintroduced = partial(tee.connection_refused, NoPreamble.reason)
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
    """The server of one worker process, with its part of the limits: HTTPS with `tls`, else plain HTTP. Starts no
    thread."""
    adjustments = Adjustments(
        max_request_header_size=_MAX_HEADER,
        max_request_body_size=settings.max_request_body,
        connection_limit=part.of(settings.connection_limit, least=1),
        clear_untrusted_proxy_headers=False,
        url_scheme="https" if tls else "http",
    )
    return _kind(settings, tls)(
        application,
        listening,
        adjustments,
        threads=part.of(settings.threads, least=1),
        client_timeout=settings.client_timeout,
        close_connections=settings.close_connections,
        max_pending=part.of(settings.max_pending),
        max_request_memory=part.of(settings.max_request_memory),
    )


def _streaming(settings: Settings) -> Streaming | None:
    """Which bodies go on to A while they arrive.

    A B with a spool, or one that gets what A did not get, needs the whole body whatever becomes of the exchange with A.
    So a body that such a B may get is read first.
    """
    if not settings.a_stream_from:
        return None
    needed = [
        shadow.criteria.max_body for shadow in shadow_settings(settings) if shadow.spool.wanted or shadow.sends_unsent
    ]
    return Streaming(max(settings.a_stream_from, *needed, 0), expecting=not needed)


def _kind(settings: Settings, tls: ssl.SSLContext | None) -> Callable[..., Server]:
    """What makes the server: with or without TLS, and with or without preambles of the PROXY protocol."""
    patience = settings.tls_handshake_timeout
    secured: dict[str, Any] = {"context": tls, "handshake_timeout": patience} if tls else {}
    if settings.proxy_protocol is None:
        return partial(TlsServer, **secured) if tls else Server
    introduced: dict[str, Any] = {"proxies": settings.proxy_protocol, "preamble_timeout": patience}
    return partial(ProxiedTlsServer if tls else ProxiedServer, **introduced, **secured)


def pin(row: int) -> None:
    """Pin this process to one core: a GIL that moves between cores spends its time moving.

    SCHED_BATCH also stops a woken thread from interrupting the running one. On one core, that is always the wrong
    moment: a thread that releases the GIL wakes the next one while it still holds the lock around the GIL, and the
    woken thread would only wait for that lock.
    """
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[row % len(cores)]})
    with contextlib.suppress(OSError):  # a sandbox may forbid it
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
