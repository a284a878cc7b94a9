"""Serves the control socket: one line with a command from each connection, one line with the result back.

A line is JSON: a list of words, such as `["pause", "canary"]`; the result is an object. `httptee ctl` speaks it. All
connections are served by one thread, which waits for none of them: a client that sends nothing, too much or slowly, or
does not read, only loses its own connection.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any

logger = logging.getLogger(__name__)

Obey = Callable[[list[str], str], dict[str, Any]]
"""Carries out the words of a command. The second argument says who sent it."""

_TICK = 1.0  # seconds
_PATIENCE = 5.0  # seconds that a connection may last
_MOST = 16  # connections; one more ends the oldest
_LONGEST = 4096  # bytes of a command
_PAUSE = 0.1  # seconds without accepting when the process is out of descriptors
_PIECE = 64 * 1024
_CREDENTIALS = struct.Struct("3i")


@dataclass
class _Caller:
    """One connection: what has arrived, and then what is to be sent."""

    connection: socket.socket
    since: float
    received: bytearray = field(default_factory=bytearray)
    answer: memoryview | None = None


class ControlServer:
    """Passes commands from `listening`, which must not block, to `obey`, one at a time."""

    def __init__(self, listening: socket.socket, obey: Obey, clock: Callable[[], float] = monotonic) -> None:
        self.obey = obey
        self._listening = listening
        self._clock = clock
        self._callers: dict[int, _Caller] = {}
        self._stopping = False
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def run(self, wanted: Callable[[], bool]) -> None:
        """Serve until `stop`, or until `wanted` returns False; it is called about once a second. Closes nothing but the
        connections."""
        poll = select.poll()
        poll.register(self._listening, select.POLLIN)
        poll.register(self._bell, select.POLLIN)
        due = 0.0
        try:
            while not self._stopping:
                for descriptor, _ in poll.poll(_TICK * 1000):
                    if descriptor == self._listening.fileno():
                        self._accept(poll)
                    elif caller := self._callers.get(descriptor):
                        self._advance(caller, poll)
                if (now := self._clock()) >= due:
                    due = now + _TICK
                    for caller in [one for one in self._callers.values() if now - one.since >= _PATIENCE]:
                        self._end(caller, poll)
                    if not wanted():
                        break
        finally:
            for caller in list(self._callers.values()):
                self._end(caller, poll)

    def stop(self) -> None:
        """Make `run` return. Safe in a signal handler."""
        self._stopping = True
        os.eventfd_write(self._bell, 1)

    def _accept(self, poll: select.poll) -> None:
        try:
            connection, _ = self._listening.accept()
        except BlockingIOError:  # it has gone
            return
        except OSError:  # there is no descriptor, and the connection still waits
            sleep(_PAUSE)
            return
        connection.setblocking(False)
        if len(self._callers) >= _MOST:
            self._end(min(self._callers.values(), key=lambda one: one.since), poll)
        self._callers[connection.fileno()] = _Caller(connection, self._clock())
        poll.register(connection, select.POLLIN)

    def _advance(self, caller: _Caller, poll: select.poll) -> None:
        """Read the command, or write the answer, as far as it goes without waiting."""
        try:
            if caller.answer is None:
                self._read(caller, poll)
            if caller.answer is not None:
                caller.answer = caller.answer[caller.connection.send(caller.answer[:_PIECE]) :]
                if not caller.answer:
                    self._end(caller, poll)
        except BlockingIOError:
            return
        except OSError:
            self._end(caller, poll)

    def _read(self, caller: _Caller, poll: select.poll) -> None:
        data = caller.connection.recv(_LONGEST)
        caller.received += data
        if b"\n" not in caller.received and data and len(caller.received) <= _LONGEST:
            return
        line, end, _ = bytes(caller.received).partition(b"\n")
        if not end and not line:  # it has closed its side without a word
            self._end(caller, poll)
            return
        result = self._result(line if end else b"", _sender(caller.connection))
        caller.answer = memoryview(json.dumps(result).encode() + b"\n")
        poll.modify(caller.connection, select.POLLOUT)

    def _result(self, line: bytes, who: str) -> dict[str, Any]:
        try:
            words = json.loads(line)
        except (ValueError, RecursionError):
            words = None
        if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
            return {"done": False, "text": f"a command is one line of at most {_LONGEST} bytes: a JSON list of words"}
        try:
            return self.obey(words, who)
        except Exception:
            logger.exception("a command could not be carried out")
            return {"done": False, "text": "an error in the tee; its log has more"}

    def _end(self, caller: _Caller, poll: select.poll) -> None:
        if self._callers.pop(caller.connection.fileno(), None) is not None:
            poll.unregister(caller.connection)
            with contextlib.suppress(OSError):
                caller.connection.shutdown(socket.SHUT_RDWR)
            caller.connection.close()


def _sender(connection: socket.socket) -> str:
    """Who is at the other end, as the kernel knows it (SO_PEERCRED, unix(7))."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _ = _CREDENTIALS.unpack(data)
    return f"uid {uid}, pid {pid}"
