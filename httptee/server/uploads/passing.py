"""The bytes of a body on their way from the parser to whoever passes them on."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import BinaryIO


class PassingBody:
    """Takes the place of an `ArrivingBody`. `len` is the size of all that has arrived. `closed` is called once, at the
    end."""

    def __init__(self, start: bytes, closed: Callable[[], object]) -> None:
        self._pieces = [start] if start else []
        self._size = len(start)
        self._closed: Callable[[], object] | None = closed

    def __len__(self) -> int:
        return self._size

    def append(self, data: bytes, whole: bool = False) -> None:
        """Add bytes."""
        if data:
            self._pieces.append(data)
            self._size += len(data)

    def take(self) -> bytes:
        """What has arrived since the last call."""
        pieces = self._pieces
        if not pieces:
            return b""
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        return data

    def stream(self) -> BinaryIO:
        """An empty file: the body is read elsewhere."""
        return BytesIO()

    def close(self) -> None:
        """End it. May be called twice."""
        closed, self._closed = self._closed, None
        self._pieces.clear()
        if closed is not None:
            closed()
