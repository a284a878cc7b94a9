"""How a client's connection ends: a close, a reset, or an end that another thread asks for."""

from __future__ import annotations

import contextlib
import logging
import socket
import struct
import sys
from typing import Any

from waitress.channel import HTTPChannel

from httptee.server.task import TeeTask

logger = logging.getLogger(__name__)

# In struct tcp_info: tcpi_unacked, tcpi_last_data_sent in milliseconds, and tcpi_notsent_bytes (since Linux 4.6).
_UNACKED, _LAST_DATA_SENT, _NOT_SENT = slice(24, 28), slice(44, 48), slice(144, 148)


class EndingChannel(HTTPChannel):
    """waitress's channel, with the ways in which it ends. Only the owner calls them, unless they say otherwise."""

    socket: Any
    _fileno: Any
    unframed = ""
    """`begun` or `whole` for an answer that ends with the connection, and empty for other answers."""
    suspended: TeeTask | None = None
    """The task of the first request, if it has written all that the client takes for now: no thread is at it."""

    def tcp_state(self) -> tuple[int, float]:
        """The state of TCP (`tcpi_state`), and the seconds for which nothing was sent: 0.0 while data waits for the
        client to take it. (0, 0.0) after the close. Safe from any thread."""
        try:
            info = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _NOT_SENT.stop)
        except (OSError, AttributeError):  # the owner may have closed it just now
            return 0, 0.0
        if any(info[_UNACKED]) or any(info[_NOT_SENT]):
            return info[0], 0.0
        return info[0], int.from_bytes(info[_LAST_DATA_SENT], sys.byteorder) / 1000

    def hang_up(self) -> None:
        """Make the next thread that serves this connection close it. Safe from any thread. Data that the client sent
        before is still read and answered."""
        with contextlib.suppress(OSError, AttributeError):  # the owner may have closed it just now
            self.socket.shutdown(socket.SHUT_RD)

    def cut_off(self) -> None:
        """Reset the connection in the middle of an answer: a close may look like the end of its body (RFC 9112 §8)."""
        self.abandon()
        if self._fileno is not None:
            self.unframed = ""
            self.reset_when_closed()
            self.handle_close()

    def abandon(self) -> None:
        """End the task that is suspended, if any. For the owner."""
        suspended, self.suspended = self.suspended, None
        if suspended is not None:
            try:
                suspended.end()
            except Exception:
                logger.exception("an answer could not be closed")

    def reset_when_closed(self, reset: bool = True) -> None:
        """Make every close of this connection a reset, even a close by the end of the process: a partial answer must
        not look whole. With `reset` false, a close is normal again."""
        with contextlib.suppress(OSError, AttributeError):  # the owner may have closed it just now
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", reset, 0))

    def begin_unframed(self) -> None:
        """Begin an answer that ends with the connection. Until it is whole, every close is a reset, even if the process
        is killed."""
        self.unframed = "begun"
        self.reset_when_closed()
