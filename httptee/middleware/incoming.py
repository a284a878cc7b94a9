"""The request body as the application reads it: kept for the Bs up to a limit, and never read for them.

What a server gives as `wsgi.input` may be a socket, and a read may wait for the client as long as it likes. So the
clone gets what the application has read. An input that can be read again is left alone: the server has the whole body,
and it is read when the answer is with the client.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from httptee.shadow import Budget

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_STEP = 64 * 1024  # bytes of the budget that are taken at once for a body of unknown length


class Body(Protocol):
    """A request body. `withheld` is the drop reason of the clone once it cannot be had, or empty."""

    withheld: str
    present: bool
    """Whether the request has a body, which may be empty."""

    @property
    def complete(self) -> bool:
        """Whether all of it is there."""

    def take(self) -> bytes:
        """All of it."""

    def release(self) -> None:
        """Hold nothing more, and count nothing in the budget. May be called twice."""


class NoBody:
    """A request without a body, or one whose body is not kept for the reason `withheld`."""

    complete = True

    def __init__(self, withheld: str = "") -> None:
        self.withheld = withheld
        self.present = bool(withheld)

    def take(self) -> bytes:
        """Nothing."""
        return b""

    def release(self) -> None:
        """Do nothing."""


class Arriving:
    """A body that is kept while it is read: up to `most` bytes, which count in the budget. `length` may be unknown."""

    present = True

    def __init__(self, most: int, budget: Budget, length: int | None = None) -> None:
        self.withheld = ""
        self._most = most
        self._budget = budget
        self._length = length
        self._pieces: list[bytes] = []
        self._size = 0
        self._taken = 0
        self._ended = False
        if length is not None and length > most:
            self._give_up("too_large")
        elif length is not None and not self._take(length):
            self._give_up("over_budget")

    @property
    def complete(self) -> bool:
        """Whether it was read to its end."""
        return self._ended

    def add(self, piece: bytes, last: bool = False) -> None:
        """Note what was read; `last` if it is the end. Never raises."""
        if self._ended:
            return
        try:
            self._add(piece)
        except Exception:  # no memory: the application goes on
            self._give_up("over_budget")
        self._ended = last or self._size == self._length

    def take(self) -> bytes:
        """The body, if it is complete and not withheld. It counts until `release`."""
        if len(self._pieces) > 1:
            self._pieces = [b"".join(self._pieces)]
        return self._pieces[0] if self._pieces else b""

    def release(self) -> None:
        """Hold nothing more. May be called twice."""
        self._pieces = []
        taken, self._taken = self._taken, 0
        if taken:
            with self._budget.lock:
                self._budget.give_back(taken)

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self.withheld or not piece:
            return
        if self._size > self._most:
            self._give_up("too_large")
        elif self._size > self._taken and not self._take(self._more()):
            self._give_up("over_budget")
        else:
            self._pieces.append(bytes(piece))

    def _more(self) -> int:
        return max(self._size - self._taken, min(_STEP, self._most - self._taken))

    def _take(self, size: int) -> bool:
        with self._budget.lock:
            fits = self._budget.reserve(size)
        if fits:
            self._taken += size
        return fits

    def _give_up(self, reason: str) -> None:
        self.withheld = reason
        self.release()


class Kept:
    """A body of `length` bytes in an input that can be read again, from its position now."""

    complete = present = True

    def __init__(self, source: BinaryIO, length: int) -> None:
        self.withheld = ""
        self._source = source
        self._length = length
        self._start = source.tell()

    def take(self) -> bytes:
        """The body. The position of the input stays."""
        body = b""
        with suppress(OSError, ValueError):  # the application may have closed it
            position = self._source.tell()
            self._source.seek(self._start)
            body = self._source.read(self._length)
            self._source.seek(position)
        if len(body) < self._length:
            self.withheld = "unread"
        return body

    def release(self) -> None:
        """Do nothing: the server has it."""


class ReadInput:
    """`wsgi.input` with its reads noted. Everything else is that of the server's."""

    def __init__(self, source: Any, arriving: Arriving) -> None:
        self._source = source
        self._arriving = arriving

    def read(self, *size: Any) -> bytes:
        """As `wsgi.input`'s."""
        data: bytes = self._source.read(*size)
        self._arriving.add(data, last=not size or size[0] is None or size[0] < 0 or (not data and size[0] != 0))
        return data

    def readline(self, *size: Any) -> bytes:
        """As `wsgi.input`'s."""
        line: bytes = self._source.readline(*size)
        self._arriving.add(line, last=not line and size[:1] != (0,))
        return line

    def readlines(self, *hint: Any) -> list[bytes]:
        """As `wsgi.input`'s."""
        lines: list[bytes] = self._source.readlines(*hint)
        self._arriving.add(b"".join(lines), last=not hint or not lines)
        return lines

    def __iter__(self) -> Iterator[bytes]:
        for line in self._source:
            self._arriving.add(line)
            yield line
        self._arriving.add(b"", last=True)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._source, name)
        if name in ("readinto", "readinto1"):
            return self._into(found)
        return self._noted(found) if name in ("read1", "readall") else found

    def _into(self, read: Any) -> Any:
        def into(buffer: Any) -> Any:
            size = read(buffer)
            if size is not None:
                self._arriving.add(bytes(memoryview(buffer).cast("B")[:size]), last=not size and len(buffer) > 0)
            return size

        return into

    def _noted(self, read: Any) -> Any:
        def noted(*size: Any) -> Any:
            data = read(*size)
            self._arriving.add(data, last=not data)
            return data

        return noted


def body_of(environ: WSGIEnvironment, most: int, budget: Budget) -> Body:
    """The body of a request. `environ` gets a `wsgi.input` that notes what is read, if there is a body to be read."""
    announced, source = environ.get("CONTENT_LENGTH"), environ.get("wsgi.input")
    length = int(announced) if announced and announced.isascii() and announced.isdigit() else None
    if length == 0 or source is None or (length is None and "HTTP_TRANSFER_ENCODING" not in environ):
        return NoBody("" if not announced or length == 0 else "unread")
    if length is not None and length > most:
        return NoBody("too_large")
    if length is not None and getattr(source, "seekable", bool)():
        return Kept(source, length)
    arriving = Arriving(most, budget, length)
    environ["wsgi.input"] = ReadInput(source, arriving)
    return arriving
