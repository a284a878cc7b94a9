"""The body of a request that goes on to A while it still comes from the client.

It can be read once. What a B or a recording is to get of it is kept beside, while there is room. The first bytes are
kept in any case: they can be sent again if a kept connection to A turns out to be closed.
"""

from __future__ import annotations

import hashlib
from time import perf_counter
from typing import Protocol

STREAMED_BODY = "httptee.streamed_body"
"""The environ key of the `Source` of a body that has not arrived whole. The tee's own server sets it."""

REPEATED = 512 * 1024
"""Bytes from the start of a body that can be read again."""

INCOMPLETE = "incomplete"
OVER_BUDGET = "over_budget"
TOO_LARGE = "too_large"


class Source(Protocol):
    """Where a body comes from: a client's connection. For one thread."""

    length: int | None
    """Bytes of the whole body; None if it is chunked."""
    expects: bool
    """Whether the client waits for 100 (Continue) before it sends the body."""
    whole: bool
    """Whether the last byte was read."""

    def fileno(self) -> int:
        """The descriptor that is readable once more has arrived."""

    def read(self) -> bytes:
        """What has arrived; empty if that is nothing. Never waits. Raises a Refusal for a body that breaks a rule, and
        ClientGone."""

    def waited(self, seconds: float) -> None:
        """The client was waited for. Raises RequestTimeout if it is too slow."""


class Room(Protocol):
    """Bounds the memory of bodies that are kept."""

    def reserve(self, size: int) -> bool:
        """Take so many bytes; False if there is no room."""

    def give_back(self, size: int) -> None:
        """Free bytes that were taken."""


class StreamedBody:
    """A request body that arrives. `len` is the announced length, or of a chunked body the bytes so far.

    `length` is the announced length, or None if it is chunked, and `expects` says whether the client waits for 100
    (Continue). `lost` says why it is not kept, as the drop reason of its clones. `read_at` is when
    its last bytes were read, in seconds of `perf_counter`.
    """

    __slots__ = (
        *("_digest", "_first", "_kept", "_most", "_repeated", "_reserved", "_room", "_source", "_whole"),
        *("expects", "length", "lost", "read_at", "read_so_far"),
    )

    def __init__(self, source: Source) -> None:
        self.length = source.length
        self.expects = source.expects
        self._source: Source | None = source
        self._whole = False
        self.read_so_far = 0
        self.lost = TOO_LARGE
        self.read_at = 0.0
        self._first: list[bytes] | None = []
        self._repeated: list[bytes] = []  # what is to be read again
        self._kept: list[bytes] | None = None
        self._room: Room | None = None
        self._most = self._reserved = 0
        self._digest: hashlib._Hash | None = None

    def __len__(self) -> int:
        """The announced length, or the bytes so far."""
        return self.read_so_far if self.length is None else self.length

    def __bool__(self) -> bool:
        """There is a body, even if nothing of it has arrived."""
        return True

    @property
    def whole(self) -> bool:
        """Whether all of it was read."""
        return self._whole and not self._repeated

    @property
    def digest(self) -> str:
        """The SHA-256 of the whole body, in hexadecimal, if `keep` asked for it; else empty."""
        return self._digest.hexdigest() if self._digest is not None and self._whole else ""

    def keep(self, most: int, room: Room | None, digest: bool = False) -> None:
        """Keep the body, up to `most` bytes and while there is `room`. With `digest`, the digest is computed too."""
        if digest:
            self._digest = hashlib.sha256()
        if room is not None and most and len(self) <= most:
            self._kept, self._most, self._room = [], most, room

    def read(self) -> bytes:
        """The next bytes; empty if nothing has arrived, or after the end. Raises as `Source.read` does."""
        if self._repeated:
            return self._repeated.pop(0)
        assert self._source is not None
        try:
            piece = self._source.read()
        except BaseException:
            self._drop(INCOMPLETE)
            raise
        self._whole = self._source.whole
        if piece:
            self.read_at = perf_counter()
            self.read_so_far += len(piece)
            if self._first is not None:
                self._first.append(piece)
                if self.read_so_far > REPEATED:
                    self._first = None
            if self._digest is not None:
                self._digest.update(piece)
            if self._kept is not None:
                self._keep(self._kept, piece)
        return piece

    def fileno(self) -> int:
        """The descriptor that is readable once more has arrived."""
        assert self._source is not None
        return self._source.fileno()

    def waited(self, seconds: float) -> None:
        """The client was waited for. Raises RequestTimeout if it is too slow."""
        assert self._source is not None
        try:
            self._source.waited(seconds)
        except BaseException:
            self._drop(INCOMPLETE)
            raise

    def rewind(self) -> bool:
        """Go back to the first byte. False if that is impossible: more was read than is kept for it."""
        if self._first is None:
            return False
        self._repeated = self._first.copy()
        return True

    def finish(self) -> bytes | None:
        """End it, and return all of it if it has arrived whole and was kept. It cannot be read any more."""
        self._first = self._source = None
        kept = self._kept
        if not self._whole:
            self._drop(INCOMPLETE)
            return None
        self._drop(self.lost)
        if kept is None:
            return None
        return kept[0] if len(kept) == 1 else b"".join(kept)

    def _keep(self, kept: list[bytes], piece: bytes) -> None:
        if self.read_so_far > self._most:
            self._drop(TOO_LARGE)
        elif self._room is not None and self._room.reserve(len(piece)):
            self._reserved += len(piece)
            kept.append(piece)
        else:
            self._drop(OVER_BUDGET)

    def _drop(self, reason: str) -> None:
        """Keep it no longer."""
        self.lost = reason
        self._kept = None
        reserved, self._reserved = self._reserved, 0
        if reserved and self._room is not None:
            self._room.give_back(reserved)
