"""Measures whether this process is short of CPU time, by how long A's answers lie unread in the kernel.

The number of serving threads depends on it. A tee that waits for A needs many threads. A tee that is short of CPU time
is faster with few, since threads take CPU time and the GIL from each other. A slow A has no effect on this measure: its
answers do not lie unread.

The kernel counts the time in ticks of some milliseconds. An answer that lay for a tenth of a tick shows zero nine times
in ten, and a whole tick the tenth time. So only the mean has a meaning.

Here are also the ways to read from a socket in which the kernel helps: `Arrival` and `discard`.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable

_HIGH = 0.0005  # seconds that answers lie unread, as a mean; above this the process is short of CPU time
_SAMPLE_EVERY = 4  # one answer of this many is measured
_WEIGHT = 1 / 16  # of one measurement in the mean
_SLICE = 0.001  # seconds of CPU time between two pauses of a reader
_SO_TIMESTAMPNS = 35 if sys.platform == "linux" else None
_timespec = struct.Struct("@ll")
TCP_INFO = socket.TCP_INFO if sys.platform == "linux" else None
"""The option that shows the state of a TCP connection."""
_LAST_DATA_RECEIVED = slice(52, 56)  # tcpi_last_data_recv, in milliseconds, with the resolution of the kernel's tick
# With it, Linux copies nothing of a TCP stream (tcp(7)): 1 MiB takes 86 µs of CPU time in place of 163, and a few calls
# in place of 16, after each of which the thread waits for the GIL.
_TRUNC = socket.MSG_TRUNC if sys.platform == "linux" else 0
MOST_DISCARDED = 1024 * 1024 if _TRUNC else 65_536
"""Bytes that `discard` discards at once."""
_nowhere = bytearray(MOST_DISCARDED)  # Linux does not write to it, so it takes no memory
_ROOM = socket.CMSG_SPACE(_timespec.size) if hasattr(socket, "CMSG_SPACE") else 0

HOLDS_THE_GIL = 4
"""Parsing counts for the pauses as if it took this many times its CPU time: A's threads wait for it."""


class Pressure:
    """The pressure of one process. Any thread that has read an answer writes it. The limit of threads depends on it."""

    __slots__ = ("_answers", "mean")

    def __init__(self) -> None:
        self.mean = 0.0
        self._answers = 0

    def sample(self) -> bool:
        """Count an answer, and return whether to measure it. One of `_SAMPLE_EVERY` is enough for a mean."""
        self._answers += 1
        return not self._answers % _SAMPLE_EVERY

    def record(self, unread_for: float) -> None:
        """Record that an answer lay unread in the kernel for `unread_for` seconds."""
        self.mean += (unread_for - self.mean) * _WEIGHT

    @property
    def high(self) -> bool:
        """Whether the process was short of CPU time in the recent mean."""
        return self.mean > _HIGH


def unread_for(sock: socket.socket) -> float:
    """Seconds since the last data arrived in the kernel. Called after a read, it shows how late the read was. It is not
    known for a Unix socket: 0.0."""
    if sock.family == socket.AF_UNIX:
        return 0.0
    info = sock.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 56) if TCP_INFO is not None else b""
    return int.from_bytes(info[_LAST_DATA_RECEIVED], sys.byteorder) / 1000


def discard(sock: socket.socket, size: int, flags: int = 0) -> int:
    """Discard what has arrived on a plain connection of a body that has `size` bytes more.

    Returns how many bytes that was: one more than `size` if anything follows the body, 0 at the end of the stream.
    """
    return sock.recv_into(_nowhere, min(size + 1, MOST_DISCARDED), flags | _TRUNC)


class Reading:
    """Shares CPU time between the answers of all Bs, which nobody waits for, and the rest of the process.

    One thread at a time reads: it holds `lock`. After each `_SLICE` of CPU time it pauses: for as long as it has read
    if the process is short of CPU time, otherwise only to release the GIL. It still holds the lock then, so all readers
    together get at most half of a core that is short of time.
    """

    __slots__ = ("_pause", "_pressure", "_spent", "lock")

    def __init__(self, pressure: Pressure | None = None, pause: Callable[[float], object] = time.sleep) -> None:
        self.lock = threading.Lock()
        self._pressure = pressure
        self._pause = pause
        self._spent = 0.0

    def charge(self, seconds: float) -> None:
        """Count CPU time of an exchange that has failed, and wait for a turn as a reader does."""
        with self.lock:
            self.spend(HOLDS_THE_GIL * seconds)

    def rest(self, seconds: float) -> None:
        """Pause for CPU time that counts once more, without the lock: for one thread of a B at a time."""
        if self._pressure is not None and self._pressure.high:
            self._pause(HOLDS_THE_GIL * seconds)

    def spend(self, seconds: float) -> None:
        """Count CPU time of a reader, which holds the lock, and pause if a slice is used up."""
        self._spent += seconds
        if self._spent >= _SLICE:
            spent, self._spent = self._spent, 0.0
            self._pause(spent if self._pressure is not None and self._pressure.high else 0.0)


class Arrival:
    """Reads from a socket. `at`: when the bytes that were read last had arrived, in seconds of `perf_counter`.

    The kernel stamps packets, so the delay of a thread that gets the GIL late is not taken for the upstream's. With
    TLS, and where the kernel has no stamps, as for a Unix socket, it is the time of the read.
    """

    __slots__ = ("_sock", "_stamped", "at")

    def __init__(self, sock: socket.socket) -> None:
        self.at = time.perf_counter()
        self._sock = sock
        self._stamped = False
        if _SO_TIMESTAMPNS is not None and _ROOM and type(sock) is socket.socket and sock.family != socket.AF_UNIX:
            with contextlib.suppress(OSError):  # a sandbox may forbid it
                sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
                self._stamped = True

    def receive(self, size: int, flags: int = 0) -> bytes:
        """As `recv` of the socket."""
        if not self._stamped:
            data = self._sock.recv(size, flags)
            self.at = time.perf_counter()
            return data
        data, messages, _, _ = self._sock.recvmsg(size, _ROOM, flags)
        now, self.at = time.time(), time.perf_counter()
        for level, kind, value in messages:
            if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(value) >= _timespec.size:
                seconds, nanoseconds = _timespec.unpack_from(value)
                self.at -= max(0.0, now - seconds - nanoseconds * 1e-9)  # the clock of the stamps may have been set
        return data
