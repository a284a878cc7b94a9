"""From A's 101 to the tunnel: the connection to A waits until the server has sent the 101 and gives up the client's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from httptee.http import UPGRADE, Follower, Response
from httptee.ledger import COUNTING, Faults, WorkerAccount
from httptee.transport import Connection
from httptee.tunnel.end import End
from httptee.tunnel.tunnel import Tunnel
from httptee.tunnel.tunnels import Tunnels

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_LOGGING = "a request could not be logged"


class Switch:
    """One switch of protocols. It has a place of `tunnels`, and `connection` with what has `arrived` behind the 101."""

    def __init__(
        self, tunnels: Tunnels, connection: Connection, arrived: bytes, account: WorkerAccount, faults: Faults
    ) -> None:
        self._tunnels = tunnels
        self._end_of_a = End(connection.sock)  # before the client knows of it: from now on, any close is a reset
        self._connection = connection
        self._arrived = arrived
        self._account = account
        self._faults = faults
        self._follower: Follower | None = None
        self._close: Callable[[], None] = lambda: None

    def begin(self, environ: WSGIEnvironment, response: Response, follower: Follower | None) -> Response:
        """The answer to send. The server joins the connections when it has sent it. The request ends with the tunnel:
        only then is `response` closed."""
        self._follower, self._close = follower, response.close
        self._faults.watch(COUNTING, self._account.tunnel_opened)  # before the client knows of it
        environ[UPGRADE](self.join)
        return replace(response, close=lambda: None)

    def join(self, client: Any, arrived: bytes = b"", unsent: bytes = b"") -> None:
        """Open the tunnel; without a client, close the connection to A. See `http.Join`."""
        if client is None:
            self._connection.close()
            self._ended("reset", 0, 0)
            return
        tunnel = Tunnel(
            End(client), self._end_of_a, self._ended, monotonic(), arrived=arrived, unsent=unsent + self._arrived
        )
        self._tunnels.open(tunnel)

    def _ended(self, why: str, received: int, sent: int) -> None:
        self._faults.watch(COUNTING, self._account.tunnel_ended, why)
        if self._follower is not None:
            self._faults.watch(_LOGGING, self._follower.tunnelled, why, received, sent)
        self._tunnels.release()
        self._faults.watch(_LOGGING, self._close)
