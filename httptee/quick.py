"""System calls that cannot block. With the extension, they are made without giving up the GIL.

Python gives up the GIL around each call on a socket, and the thread has to acquire it again. For a call that is over
after some microseconds this costs more than the call. The extension `_speedups` is optional: without a C compiler, or
with `HTTPTEE_PURE=1` in the environment, these functions are plain Python and do the same.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any


def _send_now(sock: Any, data: bytes | memoryview, /) -> int:
    """Send some of `data`, and return how many bytes the kernel took. Never waits.

    `sock` is a plain socket, which may be a blocking one, or an object with a `send` that does not wait. Raises
    BlockingIOError if the kernel takes nothing now, and OSError.
    """
    if type(sock) is socket.socket:
        return sock.send(data, socket.MSG_DONTWAIT)
    sent: int = sock.send(data)
    return sent


def _receive_now(sock: Any, size: int, /) -> bytes:
    """Up to `size` bytes that have arrived, or none at the end. Never waits. `sock` is as for `send_now`.

    Raises BlockingIOError if nothing has arrived, and OSError.
    """
    if type(sock) is socket.socket:
        return sock.recv(size, socket.MSG_DONTWAIT)
    data: bytes = sock.recv(size)
    return data


def _ready_now(readable: select.epoll, most: int, /) -> Sequence[tuple[int, int]]:
    """Up to `most` descriptors that are ready, with their events, as far as that can be known without giving up the
    GIL. Raises ValueError if the set was closed."""
    return ()


def _extension() -> ModuleType | None:
    if os.environ.get("HTTPTEE_PURE"):
        return None
    try:
        return import_module("httptee._speedups")
    except ImportError:  # no compiler was there when this was installed
        return None


_native = _extension()
native = _native is not None
"""Whether the extension is used."""
send_now: Callable[[Any, bytes | memoryview], int] = _native.send_now if _native else _send_now
receive_now: Callable[[Any, int], bytes] = _native.receive_now if _native else _receive_now
ready_now: Callable[[select.epoll, int], Sequence[tuple[int, int]]] = _native.ready_now if _native else _ready_now
