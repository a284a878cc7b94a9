"""What serves the pages on the admin listener: the tee's own server, in a process of its own or in a thread."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterable
from threading import Thread, current_thread, main_thread
from time import sleep
from typing import TYPE_CHECKING, Protocol

from waitress.adjustments import Adjustments

from httptee.page import prepare
from httptee.server import Server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_THREADS = 4
_CONNECTIONS = 64
_LONGEST_HEAD = 8 * 1024
_LONGEST_BODY = 8 * 1024
_PATIENCE = 5.0  # seconds a client gets for its whole exchange
_LAST_WORDS = 1.0  # seconds for answers in flight at the end
_PREPARED_AFTER = 1.0  # seconds: the worker processes start first


class Checks(Protocol):
    """What runs beside the pages."""

    def start(self) -> None:
        """Start it, if it does not run."""

    def stop(self) -> None:
        """End it."""


class Pages(Protocol):
    """The WSGI application that is served."""

    @property
    def check(self) -> Checks:
        """What runs beside the pages."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""

    def second(self) -> None:
        """Called about once a second."""


class AdminServer(Server):
    """The tee's own server with one request a connection and a time limit for each connection: a client that sends its
    request or reads its answer slowly is cut off."""

    application: Pages

    def leave_memory(self) -> None:
        """Return none to the kernel: malloc is blocked meanwhile, and the requests of this process are another's."""
        self.heap.rest()

    def maintenance(self, now: float) -> None:
        """Once a second: cut off connections that are older than `_PATIENCE`."""
        super().maintenance(now)
        for channel in list(self.active_channels.values()):
            if channel.creation_time < now - _PATIENCE:
                with contextlib.suppress(OSError, AttributeError):  # the owner may have closed it just now
                    channel.socket.shutdown(socket.SHUT_RDWR)


class AdminSide:
    """Serves the pages: runs the server, and before and after it the check of A. As a `guest` it is in a process of
    another server."""

    def __init__(
        self, application: Pages, listening: socket.socket, each_second: Callable[[], object], *, guest: bool = False
    ) -> None:
        adjustments = Adjustments(
            max_request_header_size=_LONGEST_HEAD,
            max_request_body_size=_LONGEST_BODY,
            connection_limit=_CONNECTIONS,
            clear_untrusted_proxy_headers=False,
        )
        self._server = AdminServer(
            application,
            listening,
            adjustments,
            threads=_THREADS,
            client_timeout=_PATIENCE,
            close_connections=True,
        )
        if guest:
            self._server.leave_memory()
        self._each_second = each_second

    def run(self, wanted: Callable[[], bool]) -> None:
        """Serve until `stop`, or until `wanted` returns False; it is called about once a second."""

        def goes_on() -> bool:
            self._each_second()
            self._server.application.check.start()
            self._server.application.second()
            return wanted()

        self._server.application.check.start()
        if current_thread() is main_thread():  # not in the process that serves A's clients
            with contextlib.suppress(RuntimeError):  # no thread is to be had: the first page takes longer
                Thread(target=_prepare, name="prepare", daemon=True).start()
        self._server.run(goes_on)
        self._server.drain(_LAST_WORDS)
        self._server.application.check.stop()

    def renew(self, application: Pages) -> None:
        """Another application in the same server."""
        old = self._server.application
        application.check.start()
        self._server.application = application
        old.check.stop()

    def stop(self) -> None:
        """Make `run` return. Safe in a signal handler."""
        self._server.stop()


def _prepare() -> None:
    sleep(_PREPARED_AFTER)
    prepare()
