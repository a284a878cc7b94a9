"""A request that nobody waits for: it is sent if that can be done at once, and of its answer is read what has come."""

from __future__ import annotations

from time import perf_counter

from httptee.errors import UpstreamError, UpstreamReset
from httptee.transport.connection import Connection
from httptee.transport.pool import Pool
from httptee.transport.wire import Answer


class Pending:
    """A request written down, and the plain connection it goes out on: `start` it, and `advance` it whenever the
    connection is readable.

    `began` is when that was, in seconds of `perf_counter`. For one thread at a time, but that `advance` may come before
    `start` is through.
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
        """The connection's, for whoever waits for it to be readable."""
        return self.connection.sock.fileno()

    @property
    def status(self) -> int:
        """The answer's status, once `advance` has returned True."""
        return self._answer.status

    def start(self) -> bool:
        """Send the request, without waiting; whether the kernel took all of it. Otherwise the connection is useless."""
        data, self._data = self._data, b""
        return self.connection.send_now(data)

    def advance(self) -> bool:
        """Take in what has come, keeping nothing of the body; whether that was the end of the answer.

        The connection is free then. Raises UpstreamReset or UpstreamProtocolError, the connection being closed.
        """
        if self._data:  # what has come before the request went out is no answer to it
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
        """Whether `error` is what becomes of a connection that the upstream had closed before the request came."""
        return isinstance(error, UpstreamReset) and self.connection.received == self._received

    def give_up(self) -> None:
        """Close the connection."""
        self.connection.close()
