"""The listeners beside the tee: that of the admin pages, and the control socket.

Each has a process of its own beside the worker processes, or a thread of the only process. All their data is in the
ledger's shared memory. What a client does to one of them concerns neither the supervisor nor a worker process.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Callable, Sequence
from functools import partial
from time import time
from typing import Any

from httptee.admin import Admin, AdminSide, Commands, ControlServer, Hour, check_of
from httptee.build import Watching
from httptee.ledger import Ledger
from httptee.processes.child import Side, SideProcess
from httptee.processes.reload import follow_level
from httptee.server.sockets import address_of, bind, control_socket, file_of
from httptee.settings import Settings

logger = logging.getLogger(__name__)

_LOOK_AGAIN = 1.0  # seconds


class AdminProcess(SideProcess):
    """The admin listener of one tee. Without `-admin`, its methods do nothing.

    Raises OSError if the address cannot be bound. `watching` is what the judge works with, or None; it is set before
    the start.
    """

    def __init__(self, settings: Settings, ledger: Ledger, inherited: Sequence[socket.socket] = ()) -> None:
        self.watching: Watching | None = None
        self._settings = settings
        self._ledger = ledger
        self._started = time()
        self._hour = Hour.of(ledger)
        listening = bind(settings.admin, *file_of(settings)) if settings.admin else None
        super().__init__("admin", listening, inherited)
        for listening in self.sockets:
            logger.info("Admin listener at %s", address_of(listening))

    def replace(self, settings: Settings, ledger: Ledger, watching: Watching | None = None) -> None:
        """Report another ledger, and the evidence of another judge."""
        self._settings, self._ledger = settings, ledger
        self._hour = Hour.of(ledger, self._hour)
        self.watching = watching
        self.restart()

    def build(self, listening: socket.socket) -> Side:
        """The server of the pages."""
        self._ledger.control.serves("admin", os.getpid())
        return AdminSide(self._application(), listening, lambda: follow_level(self._settings, self._ledger))

    def renew(self, side: Side) -> None:
        """Another application in the same server."""
        assert isinstance(side, AdminSide)
        side.renew(self._application())

    def _application(self) -> Admin:
        check = check_of(self._settings)
        return Admin(self._settings, self._ledger, check, self._started, self._hour, self.watching)


class _ControlSide:
    """Serves the control socket, and takes the rates of the last minute each second."""

    def __init__(self, listening: socket.socket, commands: Commands, each_second: Callable[[], object]) -> None:
        self._server = ControlServer(listening, self._obey)
        self._each_second = each_second
        self.commands = commands

    def run(self, wanted: Callable[[], bool]) -> None:
        def goes_on() -> bool:
            self._each_second()
            self.commands.history.take()
            return wanted()

        self._server.run(goes_on)

    def stop(self) -> None:
        self._server.stop()

    def _obey(self, words: list[str], who: str) -> dict[str, Any]:
        return self.commands.obey(words, who)


class ControlProcess(SideProcess):
    """The control socket of one tee. Without `-control`, its methods do nothing.

    Raises ControlError if the socket cannot be made, or if another tee has it.
    """

    def __init__(self, settings: Settings, ledger: Ledger, inherited: Sequence[socket.socket] = ()) -> None:
        self._settings = settings
        self._ledger = ledger
        self._started = time()
        self._reload = partial(os.kill, os.getpid(), signal.SIGHUP)
        super().__init__("control", control_socket(settings.control), inherited)

    def replace(self, settings: Settings, ledger: Ledger) -> None:
        """Command another generation of worker processes."""
        self._settings, self._ledger = settings, ledger
        self.restart()

    def keep(self) -> float:
        """As for any, and more often: the supervisor looks at the level of the log that is ordered."""
        wait = super().keep()
        return min(wait, _LOOK_AGAIN) if self.sockets else wait

    def build(self, listening: socket.socket) -> Side:
        """The server of the commands."""
        self._ledger.control.serves("control", os.getpid())
        return _ControlSide(listening, self._commands(), lambda: follow_level(self._settings, self._ledger))

    def renew(self, side: Side) -> None:
        """Other commands for the same server."""
        assert isinstance(side, _ControlSide)
        side.commands = self._commands()

    def _commands(self) -> Commands:
        return Commands(self._settings, self._ledger, self._reload, self._started)


class Listeners:
    """Both listeners of one tee. Raises OSError and ControlError as they do."""

    def __init__(self, settings: Settings, ledger: Ledger, listening: socket.socket) -> None:
        self.admin = AdminProcess(settings, ledger)
        try:
            self.control = ControlProcess(settings, ledger, (listening, *self.admin.sockets))
        except BaseException:
            self.admin.stop()
            raise
        self.admin.inherited = (listening, *self.control.sockets)

    def start_thread(self) -> None:
        """Serve in threads of this process."""
        self.admin.start_thread()
        self.control.start_thread()

    def keep(self) -> float:
        """Keep the child processes running. Call it again within the returned seconds."""
        return min(self.admin.keep(), self.control.keep())

    def watch(self) -> None:
        """For a tee that drains: start no other child process."""
        self.admin.watch()
        self.control.watch()

    def replace(self, settings: Settings, ledger: Ledger, watching: Watching | None = None) -> None:
        """Serve another generation of worker processes."""
        self.admin.replace(settings, ledger, watching)
        self.control.replace(settings, ledger)

    @property
    def sockets(self) -> Sequence[socket.socket]:
        """The listening sockets. A worker process closes them."""
        return (*self.admin.sockets, *self.control.sockets)

    @property
    def changing(self) -> bool:
        """Whether an old process, without the newest ledger, still runs."""
        return self.admin.changing or self.control.changing

    def stop(self) -> None:
        """End both. May be called twice."""
        self.control.stop()
        self.admin.stop()
