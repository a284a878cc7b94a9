"""Where the admin listener runs: in a process beside the workers, or in a thread of the only one.

Its socket is bound before anything is forked and stays with the supervisor, so the port is there from the first
moment to the last, whatever becomes of the process behind it. All that it tells is in the ledger's shared memory.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from time import monotonic, sleep, time

from waitress.adjustments import Adjustments

from httptee.admin.application import Admin
from httptee.build import build_check
from httptee.ledger import Ledger
from httptee.server.listener import Server
from httptee.server.listening import bind
from httptee.settings import Settings

logger = logging.getLogger(__name__)

_THREADS = 4
_CONNECTIONS = 64
_LONGEST_HEAD = 8 * 1024
_LONGEST_BODY = 8 * 1024
_PATIENCE = 5.0  # seconds a client gets for its whole exchange
_LAST_WORDS = 1.0  # seconds for answers in flight at the end
_KILL_AGAIN = 0.1  # seconds, where one did not help at once
_SHORTEST_LIFE = 1.0  # seconds; a process that dies sooner is replaced only then


class AdminServer(Server):
    """The tee's own server with one request a connection, and no connection for long: a client that trickles, or does
    not take its answer, is cut off."""

    application: Admin

    def maintenance(self, now: float) -> None:
        """Once a second: cut off whoever has been here for too long."""
        super().maintenance(now)
        for channel in list(self.active_channels.values()):
            if channel.creation_time < now - _PATIENCE:
                with contextlib.suppress(OSError, AttributeError):  # its owner may have closed it a moment ago
                    channel.socket.shutdown(socket.SHUT_RDWR)


class AdminProcess:
    """The admin listener of one tee. Where it is not asked for, all of this does nothing.

    Raises OSError where the address cannot be bound. `inherited` are the sockets that a child process is not to keep
    open: the tee's own listening socket must be gone when its last worker is.
    """

    def __init__(self, settings: Settings, ledger: Ledger, inherited: Sequence[socket.socket] = ()) -> None:
        self._settings = settings
        self._ledger = ledger
        self._inherited = inherited
        self._started = time()
        self._socket = bind(settings.admin) if settings.admin else None
        self._pid = 0
        self._forked = 0.0
        self._kill_at = math.inf  # while the child has been told to end
        self._server: AdminServer | None = None
        self._thread: threading.Thread | None = None
        if self._socket is not None:
            logger.info("Admin listener at %s", _address(self._socket))

    def start_thread(self) -> None:
        """Serve in a thread of this process, where there is no supervisor."""
        if self._socket is not None:
            self._server = self._build(self._socket)
            self._thread = threading.Thread(target=self._serve, args=(self._server,), name="admin", daemon=True)
            self._thread.start()

    def keep(self) -> float:
        """See that the child process is there. Returns the seconds after which to call again, at the latest."""
        if self._socket is None:
            return 3600.0
        if self._pid and os.waitpid(self._pid, os.WNOHANG)[0]:
            if not self.changing:
                logger.warning("the admin process ended; another starts")
            self._pid, self._kill_at = 0, math.inf
        if self._pid and monotonic() >= self._kill_at:
            os.kill(self._pid, signal.SIGKILL)
        wait = self._forked + _SHORTEST_LIFE - monotonic()
        if not self._pid and wait <= 0:
            self._forked, me = monotonic(), os.getpid()
            self._pid = os.fork() or self._be(self._socket, me)
        return min(3600.0, max(_KILL_AGAIN, self._kill_at - monotonic())) if self._pid else wait

    def replace(self, settings: Settings, ledger: Ledger) -> None:
        """Tell of another ledger from now on. The listening socket stays, and nobody is refused meanwhile.

        A process knows only of memory that was mapped before its fork, so another one takes its place. It starts when
        the old one has ended, in `keep`: with both there, a count might go back from one scrape to the next.
        """
        self._settings, self._ledger = settings, ledger
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
    def changing(self) -> bool:
        """Whether the process is there still that knows nothing of the newest ledger."""
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

    def _be(self, listening: socket.socket, parent: int) -> int:
        """The life of the child process; ends the process. The supervisor may have died since the fork."""
        status = 1
        try:
            for inherited in self._inherited:
                inherited.close()
            # Ctrl-C goes to the whole group, but this process ends when its supervisor says so: after the workers.
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
                signal.signal(number, signal.SIG_IGN)
            server = self._build(listening)
            signal.signal(signal.SIGTERM, lambda *_: server.stop())
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            self._serve(server, parent)
            status = 0
        except BaseException:
            logger.exception("the admin process failed")
        finally:
            sys.stdout.flush()
            os._exit(status)

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
        return Admin(self._settings, self._ledger, build_check(self._settings), self._started)

    def _serve(self, server: AdminServer, parent: int | None = None) -> None:
        """Serve until told to stop, or until the process that forked this one has gone."""
        server.application.check.start()
        server.run(lambda: server.application.history.take() and (parent is None or os.getppid() == parent))
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
