"""The bytes of requests that are still arriving: held in memory within one bound a process, above it in files.

A client that stops in the middle of its request holds what has arrived. Without a bound over all of them, a thousand
such clients cost more memory than everything else. So bodies go to files early while much is held, and a head that
finds no room is refused: it cannot go to a file.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import BinaryIO, Protocol, cast

from httptee.errors import BodyStorage
from httptee.http.headers import CHUNKED
from httptee.http.message import Request
from httptee.http.uploads import StreamedBody

logger = logging.getLogger(__name__)

SMALL_HEAD = 4096
"""Bytes of an incomplete head that are always held. They count, but no head is refused for them."""
_SMALL_BODY = 64 * 1024
_LARGE_BODY = 512 * 1024


class RequestMemory:
    """Counts the bytes of requests that one process holds, at most `most`, for heads of up to `SMALL_HEAD` bytes more.

    A body of over 512 KiB is always in a file. While half of `most` is held, a body of over 64 KiB is; while three
    quarters are, every body is, unless it arrives in one piece. The last quarter is for heads.
    """

    def __init__(self, most: int) -> None:
        self.held = 0
        self._most = most
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<RequestMemory [held {self.held}/{self._most}]>"

    def take_for_head(self, size: int, total: int) -> bool:
        """Count `size` more bytes of a head of `total` bytes so far. False if there is no room."""
        with self._lock:
            if total > SMALL_HEAD and self.held + size > self._most:
                return False
            self.held += size
            return True

    def take_for_body(self, size: int, total: int, whole: bool) -> bool:
        """Count `size` more bytes of a body of `total` bytes so far. False if the body has to go to a file.

        A small body that arrives whole and in one piece is always held: it does not wait for its client.
        """
        if total > _LARGE_BODY:
            return False
        if whole and size == total <= _SMALL_BODY:
            with self._lock:
                self.held += size
            return True
        bound = self._most * 3 // 4 if total <= _SMALL_BODY else self._most // 2
        with self._lock:
            if self.held + size > bound:
                return False
            self.held += size
            return True

    def give_back(self, size: int) -> None:
        """Count `size` bytes less."""
        with self._lock:
            self.held -= size


class ArrivingBody:
    """A request body as it arrives, first in memory, then in an unnamed file. `len` is its size so far."""

    __slots__ = ("_held", "_memory", "_size", "_stream")

    def __init__(self, memory: RequestMemory) -> None:
        self._memory = memory
        self._stream: BinaryIO | None = None
        self._size = 0
        self._held = 0  # bytes that are counted in `_memory`: all of them, or 0 once the body is in a file

    def __len__(self) -> int:
        return self._size

    def append(self, data: bytes, whole: bool = False) -> None:
        """Add bytes; `whole` if they are the last. Raises BodyStorage if the file cannot be made or written."""
        stream = self._stream
        if self._held == self._size:
            if self._memory.take_for_body(len(data), self._size + len(data), whole):
                self._held += len(data)
                self._size += len(data)
                if stream is None:
                    self._stream = BytesIO(data)  # shares the bytes until something is added
                else:
                    stream.seek(0, 2)
                    stream.write(data)
                return
            stream = self._to_file()
        assert stream is not None
        try:
            write_all(stream, data)
        except OSError as error:
            raise not_stored(error) from None
        self._size += len(data)

    @property
    def in_memory(self) -> bytes | None:
        """What has arrived, or None if it is in a file."""
        stream = self._stream
        return b"" if stream is None else stream.getvalue() if isinstance(stream, BytesIO) else None

    def stream(self) -> BinaryIO:
        """The body as a file at its start."""
        stream = self._stream or BytesIO()
        stream.seek(0)
        return stream

    def close(self) -> None:
        """Free the memory or the file. May be called twice."""
        held, self._held = self._held, 0
        stream, self._stream = self._stream, None
        if held:
            self._memory.give_back(held)
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()

    def _to_file(self) -> BinaryIO:
        """Move what is in memory to a file."""
        start = self._stream
        try:
            file = self._stream = unnamed_file()
            if isinstance(start, BytesIO):
                write_all(file, start.getvalue())
        except OSError as error:
            raise not_stored(error) from None
        finally:
            self._memory.give_back(self._held)
            self._held = 0
        return file


def unnamed_file() -> BinaryIO:
    """A file without a name, which is gone when it is closed. Raises OSError.

    It has no buffer: with one, the error of a full disk would come at any later seek or close.
    """
    return cast(BinaryIO, tempfile.TemporaryFile(buffering=0))


def write_all(file: BinaryIO, data: bytes) -> None:
    """Write all of `data`: a file without a buffer may take less. Raises OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def not_stored(error: OSError) -> BodyStorage:
    """The refusal for an error of the directory or the disk for request bodies. Also logs the error."""
    logger.warning("a request body could not be stored: %s", error.strerror or error)
    return BodyStorage(f"the request body could not be stored: {errno.errorcode.get(error.errno or 0, 'no file')}")


class Digest(Protocol):
    """A digest of hashlib."""

    def update(self, data: bytes, /) -> object:
        """Add bytes."""

    def digest(self) -> bytes:
        """The digest so far."""


DIGEST_SIZE = 16
"""Bytes of the digest of a body that is too long to be kept."""


def _blake2b() -> Digest:
    return hashlib.blake2b(digest_size=DIGEST_SIZE)


class Pieces(list[bytes]):
    """The body of an answer as it arrives. It is kept up to `most` bytes; of a longer one only length and digest."""

    def __init__(self, most: int, new_digest: Callable[[], Digest] = _blake2b) -> None:
        super().__init__()
        self._most = most
        self._new_digest = new_digest
        self._digest: Digest | None = None
        self.length = 0

    def append(self, piece: bytes) -> None:
        """Add a piece."""
        self.length += len(piece)
        if self._digest is None:
            super().append(piece)
            if self.length <= self._most:
                return
            self._digest = self._new_digest()
            for kept in self:
                self._digest.update(kept)
            super().clear()
        else:
            self._digest.update(piece)

    def clear(self) -> None:
        """Keep all pieces: others clear what they have passed on."""

    @property
    def content(self) -> bytes | None:
        """The body, or None if it is longer than `most`."""
        return b"".join(self) if self._digest is None else None

    @property
    def digest(self) -> bytes:
        """The digest of a body that is not kept, or b"". By default it is BLAKE2b."""
        return b"" if self._digest is None else self._digest.digest()


def ended(request: Request) -> tuple[Request, float, str]:
    """The request for the Bs, once no more of its body goes to A; when its last bytes came, if it has streamed; and the
    drop reason of its clones, if it is not there for them.

    A body that streamed is `bytes` then, if it arrived whole and was kept. What A got chunked has a Content-Length: of
    all that has come.
    """
    body = request.body
    if not isinstance(body, StreamedBody):
        return request, 0.0, ""
    content = body.finish()
    headers = request.headers
    if body.length is None:
        headers = [("Content-Length", str(len(body))) if pair == CHUNKED else pair for pair in headers]
    made = replace(request, headers=headers, body=body if content is None else content)
    if headers is request.headers and not body.expects:
        made.shared_head.extend(request.shared_head)
    return made, body.read_at, body.lost if content is None else ""
