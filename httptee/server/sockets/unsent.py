"""What a client has not taken yet of its answer."""

from __future__ import annotations

_NOTHING = memoryview(b"")


class Unsent:
    """Bytes in their order, with the interface of waitress's buffers. Those keep what was sent as well, until the
    connection is closed; this one keeps the piece whose end is not sent yet."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = _NOTHING

    def __len__(self) -> int:
        return len(self._left)

    def append(self, data: bytes | memoryview) -> None:
        """Add `data` at the end. It must not change later."""
        self._left = memoryview(b"".join((self._left, data)) if self._left else data)

    def get(self, size: int = -1) -> memoryview:
        """The first bytes, `size` at most; all if it is negative."""
        return self._left if size < 0 else self._left[:size]

    def skip(self, size: int, allow_prune: bool = False) -> None:
        """Forget the first `size` bytes."""
        self._left = self._left[size:] or _NOTHING

    def close(self) -> None:
        """Forget all."""
        self._left = _NOTHING
