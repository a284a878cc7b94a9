"""What goes between the process that reads a recording and those that send: items out, results back.

They are tuples, for `marshal` writes and reads a tuple in a microsecond. Both ends are processes of one program, so
their versions of the format agree, and nobody else can write to the socket.
"""

from __future__ import annotations

import marshal
import socket
from collections.abc import Iterator
from struct import Struct
from typing import Any, NamedTuple

_LENGTH = Struct("<I")
_RECEIVE = 262_144

Answer = tuple[int, list[tuple[str, str]], "bytes | None", int, bytes]
"""Status, end-to-end fields, body or None if it is too long, its length, and its digest if there is no body."""


class Item(NamedTuple):
    """A request to send at `due`, in seconds after the start. `lane` is the client's connection. `data` is the request
    as bytes. `expected` is A's answer if B's is to be compared with it.
    """

    number: int
    due: float
    lane: int
    method: str
    data: bytes
    expected: Answer | None


class Sent(NamedTuple):
    """What became of an item. `failure` is a reason, or empty for a whole answer. Times are in seconds.

    `waited`: from the due time until the request was on the wire, on its connection; -1.0 if it never was. `late`: the
    part of it that is the sender's: on a connection of the recording, from when the exchange before it had ended.
    `took`: from there to the end of the answer, `head` to its head. `equal`: whether the answer is A's, or None if that
    was not compared; if it is not, `answer` is what B answered.
    """

    number: int
    failure: str
    status: int
    late: float
    waited: float
    took: float
    head: float
    equal: bool | None
    answer: Answer | None


STOPPED = "stopped"
"""The reason of an item that was not sent because the replay was stopped."""
CUT = "interrupted"
"""The reason of a request that had no answer yet when the replay was stopped: B may have been about to give one."""
LOST = "lost"
"""The reason of an item whose process has ended without a result for it."""
END, START, STOP, DONE = "end", "start", "stop", "done"
"""The first element of a message that is no item: the last item was sent; the start, with its time; send no more; and
the answer when all has ended."""


class Channel:
    """One end of a stream socket, which never blocks. Messages are written whole, and read as they come."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._out = bytearray()
        self._in = bytearray()
        self._at = 0
        self.ended = False

    def fileno(self) -> int:
        """The descriptor."""
        return self._sock.fileno()

    @property
    def unsent(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return len(self._out)

    @property
    def unread(self) -> int:
        """Bytes that were received and not read yet."""
        return len(self._in) - self._at

    def put(self, message: Any) -> int:
        """Queue a message. Returns its size in bytes."""
        data = marshal.dumps(message)
        self._out += _LENGTH.pack(len(data))
        self._out += data
        return len(data)

    def flush(self) -> None:
        """Send what the kernel takes. What the other end cannot get any more is discarded."""
        while self._out:
            try:
                del self._out[: self._sock.send(memoryview(self._out)[:_RECEIVE])]
            except BlockingIOError:
                return
            except OSError:
                self._out.clear()
                self.ended = True

    def receive(self) -> bool:
        """Take in what has arrived. False if the other end is closed."""
        try:
            data = self._sock.recv(_RECEIVE)
        except BlockingIOError:
            return True
        except OSError:
            data = b""
        if not data:
            self.ended = True
            return False
        if self._at:
            del self._in[: self._at]
            self._at = 0
        self._in += data
        return True

    def messages(self) -> Iterator[Any]:
        """The whole messages that were received. Each is taken when it is asked for."""
        while len(self._in) - self._at >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(self._in, self._at)
            start = self._at + _LENGTH.size
            if len(self._in) < start + size:
                return
            self._at = start + size
            yield marshal.loads(memoryview(self._in)[start : start + size].toreadonly())

    def close(self) -> None:
        """Close the socket. May be called twice."""
        self._sock.close()
