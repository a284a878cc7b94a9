"""One client connection: reads requests, answers them and writes the answers, in one thread at a time.

waitress reads in its main loop and passes each request to a thread through a queue. That costs two wake-ups and several
locks a request. Here epoll returns a ready connection to one waiting thread, which reads, answers and writes; the class
`OwnedChannel` says how. waitress's `HTTPChannel` still handles pipelined requests, `100 Continue` and the buffer of an
answer that the client reads slowly.

The kernel reports an edge once. So the owner reads until the kernel has no more data. A short read shows that, except
after the client has closed its side: then only an empty read does.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
from itertools import count
from time import monotonic
from typing import Any

from waitress.channel import ClientDisconnected

from httptee.errors import TeeError
from httptee.server.ownership import HUNG_UP, READY, OwnedChannel
from httptee.server.parser import RequestParser
from httptee.server.roles import Host
from httptee.server.task import RefusalTask, TeeTask
from httptee.server.uploads import Stretch

logger = logging.getLogger(__name__)

_READY_TO_WRITE = READY | select.EPOLLOUT
_PIECE = _BUFFERED = 64 * 1024  # bytes to read at once; bytes that may wait for a slow client without blocking a thread
_numbers = count(1)
_LINGER = 2.0  # seconds in which data that a refused client still sends is read and discarded


class Channel(OwnedChannel):
    """A client's connection: the reads and writes of its owner."""

    task_class = TeeTask
    error_task_class = RefusalTask
    parser_class = RequestParser
    client_subject = ""

    def __init__(self, server: Host, sock: socket.socket, addr: Any, adj: Any, map: dict[int, Any]) -> None:
        self.number = next(_numbers)
        self.served = 0
        super().__init__(server, sock, addr, adj, map)

    @property
    def closes_after_answer(self) -> bool:
        """Whether the tee closes the connection after the next answer, even if the client would keep it."""
        return self.server.closes_connections

    def _advance(self, events: int) -> None:
        """Write, read and answer until the connection waits for the client."""
        self._unread = True
        while self._unread and self._fileno is not None:
            if self.writable():
                self.handle_write()
                if self.total_outbufs_len or self._fileno is None:
                    break
            if not self.requests:
                self._read(whole=bool(events & HUNG_UP))
            while self.requests and self.connected:
                self.service()
        if (self.total_outbufs_len or self.will_close or self.close_when_flushed) and self.connected:
            self.handle_write()
        events = _READY_TO_WRITE if self.total_outbufs_len else READY
        if events != self.armed and self._fileno is not None:
            self._arm(events)

    def _read(self, whole: bool) -> None:
        """Read once, and add whole requests to `requests`. With `whole`, only an empty read is the end."""
        try:
            data = self.socket.recv(_PIECE)
        except BlockingIOError:
            self._unread = False
            self._pass_on(waits=True)
            return
        except OSError:
            data = b""
        self._unread = whole or len(data) == _PIECE
        if not data or (self._lingers_until and monotonic() > self._lingers_until):
            self.handle_close()
        elif not self._lingers_until:
            self.active_at = monotonic()
            self.received(data)
            self._unread |= self.server.uploads.may_begin(self.request)  # to see whether the client is to be waited for

    def write_soon(self, data: bytes) -> int:
        """Send to the client at once. The rest is buffered; if the buffer would get too large, wait for the client.

        Raises ClientDisconnected if the client has closed the connection or reads too slowly.
        """
        if not self.connected or self.cancellation.reason is not None:
            raise self._gone()
        if not self.total_outbufs_len:
            try:
                sent: int = self.socket.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                raise self._gone() from None
            if sent == len(data):
                return sent
            rest = memoryview(data)[sent:]
        else:
            rest = memoryview(data)
        if self.total_outbufs_len + len(rest) <= _BUFFERED:
            self.outbufs[-1].append(bytes(rest))
            self.buffered += len(rest)
            self.total_outbufs_len += len(rest)
        else:
            self._send_waiting(rest)
        return len(data)

    def handle_close(self) -> None:
        """Close the connection. After a refusal, first close only the sending side, and read on until the client closes
        or `_LINGER` is over: a close over unread bytes sends a reset, and the refusal would be lost (RFC 9112 §9.6)."""
        if self.connected and self.requests_refused and not self._lingers_until:
            self.will_close = self.close_when_flushed = False
            self._lingers_until = monotonic() + _LINGER
            try:
                self.socket.shutdown(socket.SHUT_WR)
                return
            except OSError:
                pass
        if self._fileno is not None:
            if self.unframed == "whole" and not self.total_outbufs_len:
                self.reset_when_closed(False)
            super().handle_close()
        for request in self.requests:
            request.close()
        self.requests = []
        if self.request is not None:
            self.request.close()

    def received(self, data: bytes) -> None:
        """Parse data from the client, and add whole requests to `requests`."""
        while data and not self.close_when_flushed:
            if self.requests and self.requests[-1].upgrades:
                self.early = data
                return
            request = self.request
            if request is None:
                request = self.request = self.parser_class(self.adj, self.server.memory)
            used = request.received(data)
            data = data[used:]
            if request.completed:
                self.requests.append(request)
                self.request = None
            elif not data and not self._pass_on(waits=False):
                self._encourage()

    def service(self) -> None:
        """Answer the first request, and mark the connection for closing if it ends with this answer."""
        request = self.requests[0]
        self.requests_refused = request.error is not None
        self.served += 1
        if self.cancellation.reason is not None:
            self.discard()
            return
        if uploads := not request.completed:
            self._arm(select.EPOLLET)  # its thread reads: no other is to be woken for each packet
        task: TeeTask = (self.error_task_class if self.requests_refused else self.task_class)(self, request)
        try:
            task.service()
        except ClientDisconnected:
            task.close_on_finish = True
        except Exception:
            logger.exception("a request could not be answered")
            self._apologise(task)
        self.active_at = monotonic()
        if uploads:
            self.end_upload(request)
        if task.close_on_finish:
            self.close_when_flushed = True
            for request in self.requests:
                request.close()
            self.requests = []
        else:
            self.requests = self.requests[1:]
            request.close()
            if self.early and not self.requests:
                early, self.early = self.early, b""
                self.received(early)
            if self.request is not None and not self.requests:
                self._encourage()

    def _apologise(self, task: TeeTask) -> None:
        """Answer with 500 after an error of the application, or cut off an answer that has begun."""
        task.close_on_finish = True
        if task.finished:
            return
        if task.wrote_header:
            self.cut_off()
            return
        task.request.error = TeeError()
        with contextlib.suppress(ClientDisconnected):
            self.error_task_class(self, task.request).service()

    def _encourage(self) -> None:
        """Send `100 Continue` to a client that waits for it, unless earlier requests are still to be answered."""
        request = self.request
        if request is not None and request.expect_continue and request.headers_finished and not self.requests:
            self.send_continue()

    def _send_waiting(self, rest: memoryview) -> None:
        """Send the buffer and `rest`, waiting for the client. Raises ClientDisconnected."""
        timeout = self.server.client_timeout
        going_on: bool | None = True
        stretch = Stretch(self, self.buffered - self.total_outbufs_len, monotonic())
        with self.server.held_by_client():
            while self.connected and (self.total_outbufs_len or rest):
                going_on = self.server.stalled.wait(self._fileno, self.armed, timeout)
                if not going_on:
                    break
                try:
                    if self.total_outbufs_len:
                        self._flush_some()
                    else:
                        sent = self.socket.send(rest)
                        self.buffered += sent
                        rest = rest[sent:]
                except BlockingIOError:
                    pass
                except OSError:
                    raise self._gone() from None
                if stretch.too_slow(self.buffered - self.total_outbufs_len, monotonic(), timeout):
                    raise self._given_up()
        if going_on is False:
            raise self._given_up()
        if not going_on or not self.connected:  # the client has closed the connection
            raise self._gone()
        self.active_at = monotonic()

    def _gone(self) -> ClientDisconnected:
        """The client has gone, or its request was canceled before."""
        self.cancellation.cancel()
        return self._given_up()

    def _given_up(self) -> ClientDisconnected:
        """The client reads too slowly, or the server stops."""
        self.cut_off()
        return ClientDisconnected()
