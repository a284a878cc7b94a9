"""The admin listener of the processes of a server: one of them has it, in a thread. When that one ends, another has it
within about a second."""

from __future__ import annotations

import _thread
import contextlib
import errno
import logging
import os
import socket
from collections.abc import Callable
from threading import Event, Thread
from types import BuiltinFunctionType
from typing import TYPE_CHECKING

from httptee.ledger import Places
from httptee.settings import Settings

if TYPE_CHECKING:
    from httptee.admin import AdminSide

logger = logging.getLogger(__name__)

_LOOK_AGAIN = 1.0  # seconds
_LAST_WORDS = 2.0  # seconds for answers in flight at the end


class Pages:
    """Serves what `make` returns for the socket that listens at `-admin`. Without `-admin`, the methods do nothing.

    Of the processes with the same `places` only one tries to have the address. `each_second` is called in every process
    that has begun. What fails here is logged, and concerns no request.
    """

    def __init__(
        self,
        settings: Settings,
        places: Places,
        make: Callable[[socket.socket], AdminSide],
        each_second: Callable[[], object],
    ) -> None:
        self._settings = settings
        self._places = places
        self._make = make
        self._each_second = each_second
        self._said = ""
        self._listening: socket.socket | None = None
        self._side: AdminSide | None = None
        self._thread: Thread | None = None
        self._stopping = Event()

    def begin(self) -> None:
        """Begin in this process, in a thread."""
        if self._settings.admin is None:
            return
        if not isinstance(_thread.start_new_thread, BuiltinFunctionType):
            logger.warning("no admin listener: this server has replaced the threads of Python, and it needs real ones")
            return
        thread = Thread(target=self._run, name="admin", daemon=True)
        try:
            thread.start()
            self._thread = thread
        except (RuntimeError, MemoryError):
            logger.warning("the process may start no more threads: it has no admin listener")

    def stop(self) -> None:
        """Leave the address to another process, without a wait."""
        self._stopping.set()
        side = self._side
        if side is not None:
            side.stop()

    def join(self) -> None:
        """Wait for the end of the thread, for a short time."""
        if self._thread is not None:
            self._thread.join(_LAST_WORDS)

    def forked(self) -> None:
        """Forget what belongs to the parent. Its socket is closed here: else the address would be in use as long as
        this process lives."""
        if self._listening is not None:
            with contextlib.suppress(OSError):
                self._listening.close()
        self._listening = self._side = self._thread = None
        self._stopping = Event()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._each_second()
                if self._places.leads() and (listening := self._bound()) is not None:
                    self._serve(listening)
                    return
                self._stopping.wait(_LOOK_AGAIN)
        except Exception:
            logger.exception("the admin listener of process %d failed", os.getpid())
        finally:
            self._places.follow()

    def _serve(self, listening: socket.socket) -> None:
        self._listening = listening
        try:
            self._side = self._make(listening)
            if self._stopping.is_set():  # to load what it needs takes a while
                return
            logger.info("Admin listener at %s, in process %d", self._settings.admin, os.getpid())
            self._side.run(lambda: not self._stopping.is_set())
        finally:
            listening.close()

    def _bound(self) -> socket.socket | None:
        """The socket; None if the address cannot be had now. Why is logged once, unless another process has it: a
        generation of processes that ends, or those of another server."""
        from httptee.server.sockets import bind, file_of  # imported here: the other processes need none of it

        assert self._settings.admin is not None
        try:
            return bind(self._settings.admin, *file_of(self._settings))
        except OSError as error:
            if error.errno != errno.EADDRINUSE and self._said != str(error):
                self._said = str(error)
                why = error.strerror or error
                logger.warning("cannot listen at %s (-admin): %s; it is tried again", self._settings.admin, why)
            return None
