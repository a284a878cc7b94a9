"""An answer that nobody reads, and a request for which no thread waits.

Of a clone's answer only the head and the end matter. What it may cost is bounded.
"""

from __future__ import annotations

from time import perf_counter, thread_time

from httptee.errors import UpstreamError, UpstreamProtocolError, UpstreamReset
from httptee.http import ChunkLimits, Pieces
from httptee.transport.connection import SHORTEST, Connection
from httptee.transport.pool import Pool
from httptee.transport.pressure import HOLDS_THE_GIL, Reading
from httptee.transport.timeouts import Limits
from httptee.transport.wire import Answer

FOR_CLONES = Limits(head=65_536, fields=256, chunks=ChunkLimits(16_384, 16_384, 16_384, overhead=16_384, per_byte=1))
"""The limits of a clone's answer. One-byte chunks are over them after 25 KB, six-byte chunks never."""

MOST_BYTES = 64 * 1024 * 1024
MOST_CPU = 0.05
"""Seconds of CPU time for one answer. A byte that is only counted costs 0.3 ns or less, one of a chunk up to 30 ns."""
# An answer that may stream for hours gets more with time.
_BYTES_A_SECOND = 1024 * 1024
_CPU_A_SECOND = 0.01

_READ = 10e-6  # seconds of CPU time for one read: recv, epoll and the parsing of a small piece
_DISCARDED = 6e-11  # and for each byte that the kernel discards
_COMMON = 1_250  # bytes of a packet or more: no answer is cut off because it arrives packet by packet
_FIRST = 4_096  # bytes; most answers have one read of fewer, and to measure its CPU time would double it


class _Spent:
    """What one answer has cost since `began`, and when its head was complete, in seconds of `perf_counter`, or 0.0."""

    __slots__ = ("began", "cpu", "head_at", "size")

    def __init__(self, size: int = 0, cpu: float = 0.0) -> None:
        self.began = perf_counter()
        self.head_at = 0.0
        self.size = size
        self.cpu = cpu


class Unread:
    """Bounds what answers that nobody reads may cost, and discards their bodies as they arrive.

    One thread of the process at a time reads what is more than a short answer (`Reading`). An answer that costs more
    than `MOST_BYTES` or `MOST_CPU` is `cut_off` and complete, and its connection must be closed. If it has no head by
    then, it is an UpstreamProtocolError.
    """

    __slots__ = ("_reading",)

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def answer(self, method: str, keep: int = 0) -> Answer:
        """An answer to a clone. Its `headers` has only the fields that frame the body, and Retry-After.

        With `keep`, it has all fields, and its body is `kept` up to this size in bytes.
        """
        # Not a subclass of Answer: Python runs code faster that only one class uses.
        return Answer(method, FOR_CLONES, self, Pieces(keep) if keep else None)

    def feed(self, answer: Answer, data: bytes) -> None:
        """Let an answer parse bytes from the connection."""
        spent: _Spent | None = answer.spent
        size = len(data)
        if spent is None and size < _FIRST:
            answer.parse(data)
            answer.discard()
            if not answer.complete:
                spent = answer.spent = _Spent(size, _READ)
                spent.head_at = spent.began if answer.headers_complete else 0.0
            return
        if spent is None:
            spent = answer.spent = _Spent()
        with self._reading.lock:
            self._feed_more(answer, spent, data)
        answer.discard()
        if (spent.size > MOST_BYTES or spent.cpu > MOST_CPU) and not answer.complete:
            _check(answer, spent)

    def pass_over(self, answer: Answer, size: int) -> None:
        """Count bytes of a body that the kernel has discarded."""
        spent: _Spent | None = answer.spent
        if spent is None:  # head and body began in one short read
            spent = answer.spent = _Spent()
            spent.head_at = spent.began
        spent.size += size
        spent.cpu += 0.0 if size >= _COMMON else _READ
        with self._reading.lock:
            self._reading.spend(_READ + _DISCARDED * size)
        if (spent.size > MOST_BYTES or spent.cpu > MOST_CPU) and not answer.complete:
            _check(answer, spent)

    def _feed_more(self, answer: Answer, spent: _Spent, data: bytes) -> None:
        size = len(data)
        spent.size += size
        kept = answer.kept is not None  # a long body that is kept is hashed
        parsed = size >= _COMMON and (kept or answer.chunked or not answer.headers_complete)
        began = thread_time() if parsed else 0.0
        try:
            answer.parse(data)
        finally:
            cpu = thread_time() - began if parsed else 0.0
            if not spent.head_at and answer.headers_complete:
                spent.head_at = perf_counter()
            spent.cpu += cpu if size >= _COMMON else _READ
            self._reading.spend(HOLDS_THE_GIL * cpu + _READ)


def _check(answer: Answer, spent: _Spent) -> None:
    """Cut an answer off if it has cost too much for its age."""
    age = perf_counter() - spent.began
    if spent.size <= MOST_BYTES + _BYTES_A_SECOND * age and spent.cpu <= MOST_CPU + _CPU_A_SECOND * age:
        return
    if not answer.headers_complete:
        raise UpstreamProtocolError("the answer has no head after all that may be read of it")
    answer.cut_off = answer.complete = True
    answer.keep_alive = False


def seconds_to_head(answer: Answer, seconds: float) -> float:
    """Seconds to the head of a clone's answer that has just ended, after `seconds` in all."""
    spent: _Spent | None = answer.spent
    if answer.head_seconds or spent is None or not spent.head_at:
        return answer.head_seconds or seconds  # without more, all of the answer came at once
    return seconds - (perf_counter() - spent.head_at)


class Pending:
    """A request as bytes, and the plain connection for it. Call `start` once, and `advance` whenever the connection is
    readable.

    `began` is the time at which it was made, in seconds of `perf_counter`. `due` and `streams` are for the thread that
    waits: when the exchange must have ended, and whether the head of its answer was noted. With `started`, `start` was
    called, so that the upstream may have the request. `drained`: `advance` has read all that had arrived, so the kernel
    reports what comes after it. For one thread at a time, except that another thread may call `advance` before `start`
    has returned.
    """

    __slots__ = (
        *("_data", "_pool", "_received", "_sent_at", "answer", "began", "connection", "drained", "due", "started"),
        "streams",
    )

    def __init__(self, answer: Answer, data: bytes, connection: Connection, pool: Pool) -> None:
        self.answer = answer
        self._data = data
        self._pool = pool
        self._received = connection.received
        self.connection = connection
        self.began = self.due = self._sent_at = perf_counter()
        self.started = self.streams = self.drained = False

    @property
    def descriptor(self) -> int:
        """The descriptor of the connection, for an epoll set."""
        return self.connection.sock.fileno()

    @property
    def status(self) -> int:
        """The answer's status, or 0 until its head has arrived."""
        return self.answer.status

    def start(self) -> bool:
        """Send the request without waiting. Returns False if the kernel did not take all of it; then call `give_up`."""
        self.started = True
        data, self._data = self._data, b""
        self._sent_at = perf_counter()
        return self.connection.send_now(data)

    def advance(self) -> bool:
        """Read what has arrived and discard the body. True if the answer has ended; the connection is then free.

        Raises UpstreamError, mostly UpstreamReset or UpstreamProtocolError, after it has closed the connection.
        """
        if not self.started:  # bytes that arrive before the request is sent are no answer to it
            return False
        answer, connection = self.answer, self.connection
        try:
            more = connection.receive_now(answer)
            if more and answer.unneeded:
                more = connection.receive_now(answer)
        except UpstreamError:
            connection.close()
            raise
        if answer.headers_complete and not answer.head_seconds and connection.arrival is not None:
            answer.head_seconds = max(connection.arrival.at - self._sent_at, SHORTEST)
        if not answer.complete:
            answer.discard()
            self.drained = not more
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
