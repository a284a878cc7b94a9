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
from collections.abc import Callable
from itertools import count
from time import monotonic
from typing import Any

from waitress.channel import ClientDisconnected

from httptee.errors import TeeError
from httptee.server.ownership import HUNG_UP, READY, OwnedChannel
from httptee.server.parser import RequestParser
from httptee.server.roles import Host
from httptee.server.task import RefusalTask, TeeTask

logger = logging.getLogger(__name__)

_READY_TO_WRITE = READY | select.EPOLLOUT
_PIECE = 64 * 1024  # bytes to read at once
_numbers = count(1)
_LINGER = 2.0  # seconds in which data that a refused client still sends is read and discarded


class Channel(OwnedChannel):
    """A client's connection: the reads and writes of its owner."""

    task_class = TeeTask
    error_task_class = RefusalTask
    parser_class = RequestParser
    client_subject = ""

    def __init__(self, server: Host, sock: socket.socket, addr: Any, adj: Any, map: dict[int, Any]) -> None:
        self._uploads = False  # the body of the request in service was still arriving when its service began
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
        if self.suspended is not None and self.cancellation.reason is not None:
            self.cut_off()
        while (self._unread or self.requests) and self._fileno is not None:
            if self.writable():
                self.handle_write()
                if self.total_outbufs_len or self._fileno is None:
                    break
            if self.suspended is not None:
                self._carry_on(self.suspended, self.suspended.resume)
            elif self.requests:
                self.service()
            else:
                self._read(whole=bool(events & HUNG_UP))
        if self.writable() and self.connected and self.suspended is None:
            self.handle_write()
        waits = self.total_outbufs_len > 0
        if waits != self.waits_to_write and self._fileno is not None:
            self.listen(_READY_TO_WRITE if waits else READY)

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

    def handle_write(self) -> None:
        """Send from the buffer, and close the connection if it is to be closed. waitress would hold the last bytes of a
        suspended answer back until there are more."""
        if self.suspended is not None:
            self._flush_exception(self._flush_some)
            if self.will_close:
                self.handle_close()
        else:
            super().handle_write()

    def write_soon(self, data: bytes) -> int:
        """Send to the client at once, and buffer the rest. A task that streams goes on when the buffer is empty.

        Raises ClientDisconnected if the client has closed the connection.
        """
        if not self.connected or self.cancellation.reason is not None:
            raise self._gone()
        sent = 0
        if not self.total_outbufs_len:
            try:
                sent = self.socket.send(data)
            except BlockingIOError:
                pass
            except OSError:
                raise self._gone() from None
        if rest := len(data) - sent:
            self.outbufs[-1].append(memoryview(data)[sent:])
            self.buffered += rest
            self.total_outbufs_len += rest
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
        if self.suspended is not None:
            self.cancellation.cancel()
            self.abandon()
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
        self._uploads = not request.completed
        if self._uploads:
            self.listen(select.EPOLLET)  # its thread reads: no other is to be woken for each packet
        task: TeeTask = (self.error_task_class if self.requests_refused else self.task_class)(self, request)
        self._carry_on(task, task.service)

    def _carry_on(self, task: TeeTask, step: Callable[[], object]) -> None:
        """Let a task begin or go on. If the client does not take its answer, the task is `suspended`."""
        self.suspended = None
        if self.asleep:
            self.fall_asleep(False)
        try:
            step()
        except ClientDisconnected:
            task.close_on_finish = True
        except Exception:
            logger.exception("a request could not be answered")
            self._apologise(task)
        if task.stalled:
            self.suspended = task
            self.fall_asleep(True)
        else:
            self._finish(task)

    def _finish(self, task: TeeTask) -> None:
        """Forget the request that is answered, and mark the connection for closing if it ends with this answer."""
        request = task.request
        self.active_at = monotonic()
        if self._uploads:
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

    def _gone(self) -> ClientDisconnected:
        """The client has gone, or its request was canceled before."""
        self.cancellation.cancel()
        self.cut_off()
        return ClientDisconnected()
