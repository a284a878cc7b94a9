"""A request for which no thread waits: it is sent if the kernel takes it at once. Its answer is read as it comes."""

from __future__ import annotations

from time import perf_counter

from httptee.errors import UpstreamError, UpstreamReset
from httptee.transport.connection import Connection
from httptee.transport.pool import Pool
from httptee.transport.wire import Answer


class Pending:
    """A request as bytes, and the plain connection for it. Call `start` once, and `advance` whenever the connection is
    readable.

    `began` is the time at which it was made, in seconds of `perf_counter`. For one thread at a time, except that
    another thread may call `advance` before `start` has returned.
    """

    __slots__ = ("_answer", "_data", "_pool", "_received", "began", "connection")

    def __init__(self, method: str, data: bytes, connection: Connection, pool: Pool) -> None:
        self._answer = Answer(method)
        self._data = data
        self._pool = pool
        self._received = connection.received
        self.connection = connection
        self.began = perf_counter()

    @property
    def descriptor(self) -> int:
        """The descriptor of the connection, for an epoll set."""
        return self.connection.sock.fileno()

    @property
    def status(self) -> int:
        """The answer's status, once `advance` has returned True."""
        return self._answer.status

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
