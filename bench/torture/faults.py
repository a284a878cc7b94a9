"""The faults of a backend by name. Each takes the connection, the whole answer and the place of the fault in it."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable

GARBAGE = b"\x16\x03\x01\x02\x00\x01\x00 this is not HTTP \xff\xfe\r\n\r\n"
OVERSIZE = b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000 + b"\r\nContent-Length: 0\r\n\r\n"
BAD_CHUNK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\nabc\r\n0\r\n\r\n"
ENDLESS = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_TRICKLE = 0.01  # seconds between the pieces of an answer that is slow and whole
_DRIP = 0.05  # seconds between the bytes of an answer that never ends

Fault = Callable[[socket.socket, bytes, int], bool]
"""Returns whether the connection can take another request."""


def commit(name: str, place: int, sock: socket.socket, whole: bytes) -> bool:
    """Commit a fault. `place` is in thousandths of the whole answer, and always before its end."""
    return _FAULTS[name](sock, whole, len(whole) * min(place, 999) // 1000)


def _fine(sock: socket.socket, whole: bytes, at: int) -> bool:
    sock.sendall(whole)
    return True


def _trickle(sock: socket.socket, whole: bytes, at: int) -> bool:
    size = len(whole) // 8 + 1
    for start in range(0, len(whole), size):
        sock.sendall(whole[start : start + size])
        time.sleep(_TRICKLE)
    return True


def _interim(sock: socket.socket, whole: bytes, at: int) -> bool:
    sock.sendall(INTERIM)
    sock.sendall(INTERIM + whole)
    return True


def _surplus(sock: socket.socket, whole: bytes, at: int) -> bool:
    """Send more than Content-Length says."""
    sock.sendall(whole + b"surplus")
    return False


def _done(sock: socket.socket, whole: bytes, at: int) -> bool:
    """Half close the connection together with the end of the answer."""
    sock.sendall(whole, socket.MSG_MORE)
    return _half_closed(sock)


def _silent(sock: socket.socket, whole: bytes, at: int) -> bool:
    return _until_the_peer_leaves(sock)


def _drip(sock: socket.socket, whole: bytes, at: int) -> bool:
    """Send a head that never ends."""
    sock.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        sock.sendall(b"y")
        time.sleep(_DRIP)


def _stall(sock: socket.socket, whole: bytes, at: int) -> bool:
    sock.sendall(whole[:at])
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)  # must not look like the answer's end
    return _until_the_peer_leaves(sock)


def _reset(sock: socket.socket, whole: bytes, at: int) -> bool:
    sock.sendall(whole[:at])
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    return False


def _close(sock: socket.socket, whole: bytes, at: int) -> bool:
    sock.sendall(whole[:at])
    return False


def _half(sock: socket.socket, whole: bytes, at: int) -> bool:
    sock.sendall(whole[:at])
    return _half_closed(sock)


def _short(sock: socket.socket, whole: bytes, at: int) -> bool:
    """Send all but the last byte of the body, or of the last chunk."""
    sock.sendall(whole[:-1])
    return False


def _garbage(sock: socket.socket, whole: bytes, at: int) -> bool:
    sock.sendall(GARBAGE)
    return False


def _oversize(sock: socket.socket, whole: bytes, at: int) -> bool:
    sock.sendall(OVERSIZE)
    return False


def _badchunk(sock: socket.socket, whole: bytes, at: int) -> bool:
    sock.sendall(BAD_CHUNK)
    return False


def _endless(sock: socket.socket, whole: bytes, at: int) -> bool:
    sock.sendall(ENDLESS)
    while True:
        sock.sendall(b"x" * 65536)


def _half_closed(sock: socket.socket) -> bool:
    sock.shutdown(socket.SHUT_WR)
    return _until_the_peer_leaves(sock)


def _until_the_peer_leaves(sock: socket.socket) -> bool:
    while sock.recv(65536):
        pass
    return False


_FAULTS: dict[str, Fault] = {
    "fine": _fine,
    "trickle": _trickle,
    "interim": _interim,
    "surplus": _surplus,
    "done": _done,
    "silent": _silent,
    "drip": _drip,
    "stall": _stall,
    "reset": _reset,
    "close": _close,
    "half": _half,
    "short": _short,
    "garbage": _garbage,
    "oversize": _oversize,
    "badchunk": _badchunk,
    "endless": _endless,
}
