"""The pieces of an application's answer, for those who follow it: the log, the recording, the comparison."""

from __future__ import annotations

from collections.abc import Iterator

from httptee.errors import UpstreamReset


class Feed:
    """The pieces of an answer for those who follow it, one at a time, as they pass."""

    def __init__(self) -> None:
        self.piece: bytes | None = None
        self.failed = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece, self.piece = self.piece, None
        if piece is not None:
            return piece
        if self.failed:
            raise UpstreamReset("the application failed in the middle of its answer")
        raise StopIteration
