"""An answer that nobody reads, and a request for which no thread waits.

Of a clone's answer only the head and the end matter. What it may cost is bounded.
"""

from __future__ import annotations

from time import perf_counter, thread_time

from httptee.errors import UpstreamError, UpstreamProtocolError, UpstreamReset
from httptee.transport.connection import Connection
from httptee.transport.pool import Pool
from httptee.transport.pressure import Reading
from httptee.transport.timeouts import Limits
from httptee.transport.wire import Answer

FOR_CLONES = Limits(head=65_536, fields=256, framing=16_384, framing_per_byte=2)
"""The limits of a clone's answer. One-byte chunks are over them after 33 KB."""

MOST_BYTES = 64 * 1024 * 1024
MOST_CPU = 0.05
"""Seconds of CPU time for one answer. A byte that is only counted costs 0.3 ns or less, one of a chunk up to 10 ns."""
# An answer that may stream for hours gets more with time.
_BYTES_A_SECOND = 1024 * 1024
_CPU_A_SECOND = 0.01

_READ = 10e-6  # seconds of CPU time for one read: recv, epoll and the parsing of a small piece
_COMMON = 1_250  # bytes of a packet or more: no answer is cut off because it arrives packet by packet
_FIRST = 16_384  # bytes; most answers have one read, and to measure the CPU time costs as much as to parse a few KiB


class UnreadAnswer(Answer):
    """An answer whose body is discarded as it arrives: `take` returns nothing.

    One thread of the process at a time parses such an answer (`Reading`). An answer that costs more than `MOST_BYTES`
    or `MOST_CPU` is `cut_off` and complete, and its connection must be closed. If it has no head by then, it is an
    UpstreamProtocolError.
    """

    __slots__ = ("_began", "_bytes", "_cpu", "_reading", "cut_off")

    def __init__(self, method: str, reading: Reading) -> None:
        super().__init__(method, FOR_CLONES)
        self._reading = reading
        self._began = perf_counter()
        self._bytes = 0
        self._cpu = 0.0
        self.cut_off = False

    def feed(self, data: bytes) -> None:
        """Parse bytes from the connection. Raises UpstreamProtocolError if they are not an HTTP/1 answer."""
        size, reading = len(data), self._reading
        with reading.lock:
            only_counted = self.headers_complete and self._chunks is None
            measured = not only_counted and size >= (_COMMON if self._bytes else _FIRST)
            began = thread_time() if measured else 0.0
            cpu = _READ
            try:
                super().feed(data)
            finally:
                self._body.clear()
                if measured:
                    cpu += thread_time() - began
                reading.spend(cpu)
        self._bytes += size
        self._cpu += cpu - _READ if size >= _COMMON else _READ
        if (self._bytes > MOST_BYTES or self._cpu > MOST_CPU) and not self.complete:
            self._check_cost(perf_counter() - self._began)

    def _check_cost(self, age: float) -> None:
        """Cut the answer off if it has cost too much for its age in seconds."""
        if self._bytes <= MOST_BYTES + _BYTES_A_SECOND * age and self._cpu <= MOST_CPU + _CPU_A_SECOND * age:
            return
        if not self.headers_complete:
            raise UpstreamProtocolError("the answer has no head after all that may be read of it")
        self.complete = self.cut_off = True
        self.keep_alive = False


class Pending:
    """A request as bytes, and the plain connection for it. Call `start` once, and `advance` whenever the connection is
    readable.

    `began` is the time at which it was made, in seconds of `perf_counter`. `due` and `streams` are for the thread that
    waits: when the exchange must have ended, and whether the head of its answer was noted. For one thread at a time,
    except that another thread may call `advance` before `start` has returned.
    """

    __slots__ = ("_answer", "_data", "_pool", "_received", "began", "connection", "due", "streams")

    def __init__(self, answer: Answer, data: bytes, connection: Connection, pool: Pool) -> None:
        self._answer = answer
        self._data = data
        self._pool = pool
        self._received = connection.received
        self.connection = connection
        self.began = self.due = perf_counter()
        self.streams = False

    @property
    def descriptor(self) -> int:
        """The descriptor of the connection, for an epoll set."""
        return self.connection.sock.fileno()

    @property
    def status(self) -> int:
        """The answer's status, or 0 until its head has arrived."""
        return self._answer.status

    @property
    def cut_off(self) -> bool:
        """Whether the answer's body cost too much and was not read to its end."""
        return self._answer.cut_off

    @property
    def started(self) -> bool:
        """Whether `start` was called, so that the upstream may have the request."""
        return not self._data

    def start(self) -> bool:
        """Send the request without waiting. Returns False if the kernel did not take all of it; then call `give_up`."""
        data, self._data = self._data, b""
        return self.connection.send_now(data)

    def advance(self) -> bool:
        """Read what has arrived and discard the body. True if the answer has ended; the connection is then free.

        Raises UpstreamError, mostly UpstreamReset or UpstreamProtocolError, after it has closed the connection.
        """
        if self._data:  # bytes that arrive before the request is sent are no answer to it
            return False
        answer, connection = self._answer, self.connection
        try:
            connection.receive_now(answer)
        except UpstreamError:
            connection.close()
            raise
        if not answer.complete:
            answer.take()
            return False
        if answer.keep_alive:
            connection.idle_limit = answer.idle_limit
            self._pool.release(connection)
        else:
            connection.close()
        return True

    def was_stale(self, error: Exception) -> bool:
        """Whether `error` is a reset before any byte of an answer: the upstream had closed the idle connection."""
        return isinstance(error, UpstreamReset) and self.connection.received == self._received

    def give_up(self) -> None:
        """Close the connection."""
        self.connection.close()
