"""Runs the admin listener: in a process beside the worker processes, or in a thread of the only process.

Its socket is bound before any fork and stays with the supervisor. So the port is open from start to end, even if the
admin process dies. All its data is in the ledger's shared memory.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic, sleep, time

from waitress.adjustments import Adjustments

from httptee.admin import Admin, Hour, check_of
from httptee.build import Watching
from httptee.ledger import Ledger
from httptee.processes.child import fork, how_it_ended
from httptee.processes.listening import bind
from httptee.server import Server
from httptee.settings import Settings

logger = logging.getLogger(__name__)

_THREADS = 4
_CONNECTIONS = 64
_LONGEST_HEAD = 8 * 1024
_LONGEST_BODY = 8 * 1024
_PATIENCE = 5.0  # seconds a client gets for its whole exchange
_LAST_WORDS = 1.0  # seconds for answers in flight at the end
_KILL_AGAIN = 0.1  # seconds from one SIGKILL to the next
# A signal to the whole process group must not end this process: the supervisor ends it, after the workers.
_NOT_FOR_ADMIN = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_SHORTEST_LIFE = 1.0  # seconds; a process that dies sooner is replaced after this time


class AdminServer(Server):
    """The tee's own server with one request a connection and a time limit for each connection: a client that sends its
    request or reads its answer slowly is cut off."""

    application: Admin

    def maintenance(self, now: float) -> None:
        """Once a second: cut off connections that are older than `_PATIENCE`."""
        super().maintenance(now)
        for channel in list(self.active_channels.values()):
            if channel.creation_time < now - _PATIENCE:
                with contextlib.suppress(OSError, AttributeError):  # the owner may have closed it just now
                    channel.socket.shutdown(socket.SHUT_RDWR)


class AdminProcess:
    """The admin listener of one tee. Without `-admin`, its methods do nothing.

    Raises OSError if the address cannot be bound. A child process closes the sockets in `inherited`: the tee's own
    listening socket must be closed when the last worker process ends. `watching` is what the judge works with, or None;
    it is set before the start.
    """

    def __init__(self, settings: Settings, ledger: Ledger, inherited: Sequence[socket.socket] = ()) -> None:
        self.watching: Watching | None = None
        self._settings = settings
        self._ledger = ledger
        self._inherited = inherited
        self._started = time()
        self._hour = Hour.of(ledger)
        self._socket = bind(settings.admin) if settings.admin else None
        self._pid = 0
        self._forked = 0.0
        self._kill_at = math.inf  # the time for SIGKILL; finite after a SIGTERM to the child
        self._server: AdminServer | None = None
        self._thread: threading.Thread | None = None
        if self._socket is not None:
            logger.info("Admin listener at %s", _address(self._socket))

    def start_thread(self) -> None:
        """Serve in a thread of this process. For a tee without a supervisor.

        Called again about once a second, in case the thread could not be started.
        """
        if self._socket is None or self._thread is not None:
            return
        if self._server is None:
            self._server = self._build(self._socket)
        thread = threading.Thread(target=self._serve, args=(self._server,), name="admin", daemon=True)
        try:
            thread.start()
            self._thread = thread
        except (RuntimeError, MemoryError):
            logger.warning("the process may start no more threads: the admin listener is tried again")

    def keep(self) -> float:
        """Start, replace or kill the child process as needed. Call it again within the returned seconds."""
        if self._socket is None:
            return 3600.0
        ended, status = os.waitpid(self._pid, os.WNOHANG) if self._pid else (0, 0)
        if ended:
            if not self.changing:
                logger.warning("the admin process %s; another starts", how_it_ended(status))
            self._pid, self._kill_at = 0, math.inf
        if self._pid and monotonic() >= self._kill_at:
            os.kill(self._pid, signal.SIGKILL)
        wait = self._forked + _SHORTEST_LIFE - monotonic()
        if not self._pid and wait <= 0:
            self._forked = monotonic()
            try:
                self._pid = fork(partial(self._serve_alone, self._socket), _NOT_FOR_ADMIN, "admin process")
            except OSError as error:
                logger.warning("cannot start the admin process: %s; it is tried again", error.strerror)
                return _SHORTEST_LIFE
        return min(3600.0, max(_KILL_AGAIN, self._kill_at - monotonic())) if self._pid else wait

    def watch(self) -> None:
        """For a tee that drains: start no other child process. If it ends, close the port, so that a client is refused
        and does not wait."""
        if self._socket is not None and self._pid and os.waitpid(self._pid, os.WNOHANG)[0]:
            self._pid = 0
            self._socket.close()
            self._socket = None

    def replace(self, settings: Settings, ledger: Ledger, watching: Watching | None = None) -> None:
        """Report another ledger, and the evidence of another judge. The listening socket stays open, and no client is
        refused meanwhile.

        A process can read only memory that was mapped before its fork, so a new process is needed. `keep` starts it
        after the old one has ended: with both running, a count might decrease from one scrape to the next.
        """
        self._settings, self._ledger = settings, ledger
        self._hour = Hour.of(ledger, self._hour)
        self.watching = watching
        self._forked = 0.0
        if self._pid:
            os.kill(self._pid, signal.SIGTERM)
            self._kill_at = monotonic() + 2 * _LAST_WORDS
        if self._server is not None:
            old, new = self._server.application, self._application()
            new.check.start()
            self._server.application = new
            old.check.stop()

    @property
    def sockets(self) -> Sequence[socket.socket]:
        """The listening socket, if there is one. A worker process closes it."""
        return (self._socket,) if self._socket is not None else ()

    @property
    def changing(self) -> bool:
        """Whether the old process, without the newest ledger, still runs."""
        return self._kill_at != math.inf

    def stop(self) -> None:
        """Close the listener. May be called twice."""
        self._end_process()
        if self._server is not None and self._thread is not None:
            self._server.stop()
            self._thread.join(2 * _LAST_WORDS)
        self._server = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _serve_alone(self, listening: socket.socket, wanted: Callable[[], bool]) -> None:
        """The body of the child process."""
        for inherited in self._inherited:
            inherited.close()
        server = self._build(listening)
        signal.signal(signal.SIGTERM, lambda *_: server.stop())
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        self._serve(server, wanted)

    def _build(self, listening: socket.socket) -> AdminServer:
        adjustments = Adjustments(
            max_request_header_size=_LONGEST_HEAD,
            max_request_body_size=_LONGEST_BODY,
            connection_limit=_CONNECTIONS,
            clear_untrusted_proxy_headers=False,
        )
        return AdminServer(
            self._application(),
            listening,
            adjustments,
            threads=_THREADS,
            client_timeout=_PATIENCE,
            close_connections=True,
        )

    def _application(self) -> Admin:
        evidence, tallies = (self.watching.place, self.watching.tallies) if self.watching else ("", None)
        return Admin(
            self._settings, self._ledger, check_of(self._settings), self._started, evidence, tallies, self._hour
        )

    def _serve(self, server: AdminServer, wanted: Callable[[], bool] = lambda: True) -> None:
        """Serve until the server is stopped, or until `wanted` returns False; then drain."""

        def goes_on() -> bool:
            server.application.check.start()
            return server.application.second() and wanted()

        server.application.check.start()
        server.run(goes_on)
        server.drain(_LAST_WORDS)
        server.application.check.stop()

    def _end_process(self) -> None:
        if not self._pid:
            return
        os.kill(self._pid, signal.SIGTERM)
        deadline = monotonic() + 2 * _LAST_WORDS
        while not os.waitpid(self._pid, os.WNOHANG)[0]:
            if monotonic() > deadline:
                os.kill(self._pid, signal.SIGKILL)
            sleep(0.01)
        self._pid = 0


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
