"""The tee's side of a recording, in the threads that answer clients: they only append to a queue with a bound.

Nothing here writes, waits, or replaces a secret; the thread of a `Scribe` does that. A request is seen before A is
asked, and then it is recorded, or counted with the reason why not, also if this process is killed while A is asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from itertools import chain
from time import time_ns
from typing import TYPE_CHECKING, Protocol

from httptee.http import CONNECTION, Pieces, Request, Response, values
from httptee.http.uploads import StreamedBody
from httptee.ledger import Faults, RecordAccount
from httptee.quick import Item
from httptee.recording.exchange import end_of, row_of
from httptee.recording.pending import Pending
from httptee.transport import GONE, followed

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_SMALL = 4096  # bytes of both bodies, and of the record; a smaller exchange is only counted
_MOST_SMALL = 4096  # such exchanges that may wait in one process
_OVERHEAD = 2048  # bytes: what an exchange holds beside its heads and bodies
_FIRST_PIECES = 64 * 1024  # bytes that are taken for an answer of unknown length
_MOST_PEERS = 10_000
NOT_RECORDED = "a request could not be recorded"


class Handover(Protocol):
    """Takes small exchanges for another process. Never waits."""

    def put(self, item: Item | bytes) -> None:
        """Add one, or its row, or count it as lost."""

    def flush(self) -> None:
        """Hand on what was added."""


class Queue(Protocol):
    """Takes exchanges that have ended. Never waits."""

    def put(self, pending: Pending) -> None:
        """Add one."""

    def put_row(self, row: bytes) -> None:
        """Add the row of a small one."""

    def __len__(self) -> int:
        """How many wait."""

    def close(self, timeout: float) -> None:
        """Have all of them written, within `timeout` seconds."""


class Recorder:
    """Chooses the requests of one worker process that are recorded, and hands them on when A's answer has ended.

    `refuses` gives the reason why a request is not to be recorded, or None; without it, all are. `most_body` is in
    bytes. `most` is what all large exchanges may hold that are not written yet; of small ones, 4,096 may wait. With an
    `outlet`, small ones go there. `base` is added to the numbers of connections, to make them unique in the recording.
    `via` is what the tee adds to Via: it is not the client's, and mostly the last field.
    """

    def __init__(
        self,
        account: RecordAccount,
        queue: Queue,
        refuses: Callable[[Request], str | None] | None,
        most_body: int,
        most: int,
        faults: Faults | None = None,
        outlet: Handover | None = None,
        base: int = 0,
        via: str = "",
    ) -> None:
        self._outlet = outlet
        self._own = end_of(via)
        self._base = base
        self._small = min(_SMALL, most_body)
        self._account = account
        self._queue = queue
        self._refuses = refuses
        self.most_body = most_body
        self._most = most
        self._faults = faults or Faults()
        self._peers: dict[tuple[str, str], list[int]] = {}
        self._connections = 0

    def begin(self, request: Request) -> int:
        """Choose, before A is asked: when the request arrived, or 0 if it is not to be recorded. Never raises.

        Each that is to be recorded goes to `follow`, `unread` or `unanswered`.
        """
        try:
            refuses = self._refuses
            reason = "filtered" if request.upgrade else refuses(request) if refuses is not None else None
            if reason is None:
                self._account.seen()
                return time_ns()
            self._account.refused(reason)
        except Exception:
            self._faults.report(NOT_RECORDED)
        return 0

    def follow(self, arrived: int, request: Request, response: Response, environ: WSGIEnvironment) -> Response:
        """The answer for the client. It is recorded now if it is whole, or else once it has ended. Never raises."""
        try:
            now = time_ns() - arrived
            if now < 0:  # the clock was set back
                now = 0
            place = environ.get(CONNECTION) or self._peer(environ)
            asked, body = request.body, response.body
            if not (isinstance(body, bytes) and isinstance(asked, bytes) and len(asked) + len(body) <= self._small):
                return self._large(Pending(request, response, place, arrived, now))
            head, written, outlet = response.head, request.shared_head, self._outlet
            if outlet is None or not head or not written:
                return self._small_one(request, response, place, arrived, now)
            outlet.put((arrived, now, place, response.status, request.client, head, written[0], asked, body))
            return response
        except Exception:
            self._faults.report(NOT_RECORDED)
            return response

    def unread(self) -> None:
        """Count a request whose body was not read, or was too long to be kept. Never raises."""
        self._faults.watch(NOT_RECORDED, self._account.lost, "unread")

    def unanswered(self) -> None:
        """Count a request that the tee has refused meanwhile, or that an application has not answered. Never raises."""
        self._faults.watch(NOT_RECORDED, self._account.lost, "unanswered")

    def tick(self) -> None:
        """Hand on what waits for others. Called about once a second."""
        if self._outlet is not None:
            self._faults.watch(NOT_RECORDED, self._outlet.flush)

    def close(self, timeout: float) -> None:
        """Have everything written that has ended, within `timeout` seconds. May be called twice."""
        self.tick()
        self._queue.close(timeout)

    def _small_one(
        self, request: Request, response: Response, place: tuple[int, int], arrived: int, now: int
    ) -> Response:
        """A small exchange whose row is made at once."""
        try:
            row = row_of(request, response, place, arrived, now, self._base, self._own)
        except ValueError:  # an application's head that is no lines of latin-1: as JSON it can be told
            return self._large(Pending(request, response, place, arrived, now))
        except Exception:
            self._account.lost("unreadable")
            raise
        if self._outlet is not None:
            self._outlet.put(row)
        elif len(row) > _SMALL:
            return self._large(Pending(request, response, place, arrived, now))
        elif len(self._queue) < _MOST_SMALL:
            self._queue.put_row(row)
        else:
            self._account.lost("queue_full")
        return response

    def _large(self, pending: Pending) -> Response:
        """An exchange whose size counts, or whose answer streams."""
        response, asked = pending.response, pending.request.body
        body, heads = response.body, _heads(pending.request, response)
        reserved = len(body) if isinstance(body, bytes) else self._announced(response)
        kept = 0 if isinstance(asked, StreamedBody) else len(asked) if isinstance(asked, bytes) else self.most_body
        pending.size = _OVERHEAD + heads + kept + reserved
        if not self._account.take(pending.size, self._most):
            self._account.lost("queue_full")
            return response
        pending.hold_file()
        if isinstance(body, bytes):
            self._queue.put(pending)
            return response
        pieces = _Pieces(self._account, pending, reserved, self.most_body, self._most)
        return followed(response, pieces, self._faults.watched(NOT_RECORDED, partial(self._ended, pending)))

    def _ended(self, pending: Pending, pieces: Pieces, failure: str | None) -> None:
        """The answer has streamed to its end, or to where it broke off."""
        pending.pieces = pieces
        pending.ended = -1 if failure is GONE or failure else time_ns() - pending.arrived
        if failure is GONE:
            pending.error = "client_gone"
        elif failure:
            pending.error = f"primary_{failure}"
        self._queue.put(pending)

    def _announced(self, response: Response) -> int:
        """Bytes to take for an answer that streams."""
        lengths = values(response.headers, "content-length")
        length = int(lengths[0]) if lengths and lengths[0].isdecimal() else _FIRST_PIECES
        return length if length <= self.most_body else 0

    def _peer(self, environ: WSGIEnvironment) -> tuple[int, int]:
        """The connection and the place of a request under a server that does not say them: by the client's port."""
        key = (environ.get("REMOTE_ADDR", ""), environ.get("REMOTE_PORT", ""))
        peer = self._peers.get(key) if key[1] else None
        if peer is None:
            if len(self._peers) >= _MOST_PEERS:
                self._peers.clear()
            self._connections += 1
            peer = self._peers[key] = [self._connections, 0]
        peer[1] += 1
        return peer[0], peer[1]


def _heads(request: Request, response: Response) -> int:
    """The bytes of both heads, without what separates their fields."""
    fields = chain(chain.from_iterable(request.headers), chain.from_iterable(response.headers))
    return len(request.target) + sum(map(len, fields))


class _Pieces(Pieces):
    """The body of an answer that streams: kept while there is room for it, else by its length and digest."""

    def __init__(self, account: RecordAccount, pending: Pending, reserved: int, most: int, held: int) -> None:
        super().__init__(most, hashlib.sha256)
        self._account = account
        self._pending = pending
        self._reserved = reserved
        self._held = held

    def append(self, piece: bytes) -> None:
        """Add a piece."""
        after = self.length + len(piece)
        if self._reserved < after <= self._most:
            more = max(len(piece), self._reserved)
            if self._account.take(more, self._held):
                self._reserved += more
                self._pending.size += more
            else:
                self._most = self.length  # no more of it is kept
        super().append(piece)
