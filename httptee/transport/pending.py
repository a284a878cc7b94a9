"""A request under way that nobody waits for: what is read of its answer is what has come."""

from __future__ import annotations

from time import perf_counter

from httptee.errors import UpstreamError, UpstreamReset
from httptee.transport.connection import Connection
from httptee.transport.pool import Pool
from httptee.transport.wire import Answer


class Pending:
    """A request that has gone out on a plain connection; `advance` it whenever the connection is readable.

    `began` is when it went out, in seconds of `perf_counter`. For one thread at a time.
    """

    __slots__ = ("_answer", "_pool", "_received", "began", "connection")

    def __init__(self, method: str, connection: Connection, pool: Pool) -> None:
        self._answer = Answer(method)
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

    def advance(self) -> bool:
        """Take in what has come, keeping nothing of the body; whether that was the end of the answer.

        The connection is free then. Raises UpstreamReset or UpstreamProtocolError, the connection being closed.
        """
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
