"""Has an epoll set report a connection whenever bytes come."""

from __future__ import annotations

import contextlib
import select


def arm(readable: select.epoll, descriptor: int, known: bool) -> None:
    """Add a descriptor to the set, or arm it again if it is `known`. Another thread may do so at the same time.

    Raises OSError or ValueError if the set or the connection is closed, or if no descriptor is free.
    """
    # Such a thread acts on an older event of the descriptor.
    awaited = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET
    if not known:
        try:
            readable.register(descriptor, awaited)
        except FileExistsError:
            readable.modify(descriptor, awaited)
        return
    try:
        readable.modify(descriptor, awaited)
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):  # added by the other thread: its event is still to come
            readable.register(descriptor, awaited)
