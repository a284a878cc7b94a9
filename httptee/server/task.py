"""One answer to one request: waitress's task, changed to send A's header fields as A sent them.

`start_response` takes the fields unchanged. Only the framing of the client's own connection is added: chunked for a
body of unknown length, and `Connection` if the connection ends with this answer, or if an HTTP/1.0 client asked to keep
it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING, Any

from waitress.channel import ClientDisconnected
from waitress.task import Task

from httptee.errors import TeeError
from httptee.http import (
    CANCELLATION,
    CLIENT_SUBJECT,
    CONNECTION,
    INTERIM,
    RECEIVED_HEADERS,
    UPGRADE,
    Headers,
    Join,
    interim_fields,
    tee_answer,
)
from httptee.http.uploads import STREAMED_BODY
from httptee.server.roles import Peer
from httptee.server.uploads import ClientBody

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_JOINED = 64 * 1024  # bytes; a first piece of the body up to this size goes out in one call with the head


class TeeTask(Task):
    """Runs the application for one request and writes what it returns."""

    chunked_response = False
    finished = False
    """Whether the last byte of the answer has been written."""
    join: Join | None = None
    """What gets the connection after a 101 (RFC 9110 §7.8)."""

    def __init__(self, channel: Peer, request: Any) -> None:
        self.channel = channel
        self.request = request
        self._head: bytes | None = None
        self._bodiless = False

    def service(self) -> None:
        """Answer the request. If the body breaks off, the connection is reset."""
        answer = self.channel.server.application(self.environ(), self._start_response)
        try:
            for piece in answer:
                self.write(piece)
            if self._head is not None:
                self.write(b"")
            if self.chunked_response:
                self.channel.write_soon(b"0\r\n\r\n")
            self.finished = True
            if self.channel.unframed:
                self.channel.unframed = "whole"
        except TeeError:
            # A failed in the middle of the body: the client must not take the partial body for the whole one.
            self.close_on_finish = True
            self.channel.cut_off()
        finally:
            try:
                answer.close()
            finally:
                if self.join is not None:
                    self._switch(self.join)

    def write(self, data: bytes) -> None:
        """Send a piece of the body, the first one together with the head."""
        head, self._head = self._head, None
        self.wrote_header = True
        if self._bodiless:
            data = b""
        elif self.chunked_response and data:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        if head is not None and len(data) <= _JOINED:
            data = head + data
        elif head is not None:
            self.channel.write_soon(head)
        if data:
            self.channel.write_soon(data)

    def _start_response(self, status: str, headers: Headers, exc_info: object = None) -> Callable[[bytes], None]:
        request = self.request
        switches = status[:3] == "101"
        self._bodiless = switches or request.command == "HEAD" or status[:3] in ("204", "304")
        fields = "".join([f"{name}: {value}\r\n" for name, value in headers])
        has_length = "\ncontent-length: " in f"\n{fields}".lower()  # no value has a line end
        extra = ""
        # What is left of a body that was not read to its end is no next request.
        unread = not request.completed
        close = self.close_on_finish or request.connection_close or unread or self.channel.closes_after_answer
        if not has_length and not self._bodiless:
            if request.version == "1.1":
                self.chunked_response = True
                extra = "Transfer-Encoding: chunked\r\n"
            else:
                close = True  # for an HTTP/1.0 client, the end of the connection is the end of this body
                self.channel.begin_unframed()
        if switches:
            self.channel.reset_when_closed()  # from the moment the client knows of it, until the tunnel has ended
        elif close:
            self.close_on_finish = True
            extra += "Connection: close\r\n"
        elif request.version == "1.0":
            extra += "Connection: keep-alive\r\n"
        self._head = f"HTTP/1.1 {status}\r\n{fields}{extra}\r\n".encode("latin-1")
        return self.write

    def _pass_on(self, status: int, reason: str, headers: Headers) -> None:
        """Send an interim answer. If the client has gone, the exchange with A is canceled, as at any other time."""
        fields = "".join([f"{name}: {value}\r\n" for name, value in interim_fields(headers)])
        with suppress(ClientDisconnected):
            self.channel.write_soon(f"HTTP/1.1 {status} {reason}\r\n{fields}\r\n".encode("latin-1"))

    def _take_join(self, join: Join) -> None:
        self.join = join

    def _switch(self, join: Join) -> None:
        """Give the connection up after a 101. If the client has gone, nobody gets it, and the channel closes it."""
        if self.finished and (given := _given_up(self.channel)):
            join(*given)
        else:
            self.close_on_finish = True
            join(None)

    def environ(self) -> WSGIEnvironment:
        """The keys that PEP 3333 requires and the tee reads. The header fields are one list, not one key each."""
        request, channel = self.request, self.channel
        environ: WSGIEnvironment = channel.server.common_environ.copy()
        environ["REQUEST_METHOD"] = request.command
        environ["PATH_INFO"] = environ["REQUEST_URI"] = request.request_uri
        environ["SERVER_PROTOCOL"] = "HTTP/" + request.version
        environ["REMOTE_ADDR"] = channel.addr[0]
        environ["REMOTE_PORT"] = str(channel.addr[1] or f"unix-{channel.number}")
        has_body = request.body_rcv is not None
        environ["CONTENT_LENGTH"] = str(request.content_length) if has_body else ""
        environ["wsgi.input"] = request.get_body_stream() if has_body else _NO_BODY
        if not request.completed:
            environ[STREAMED_BODY] = ClientBody(channel, request, channel.server.client_timeout)
        environ[RECEIVED_HEADERS] = request.pairs
        environ[CLIENT_SUBJECT] = channel.client_subject
        environ[CANCELLATION] = channel.cancellation
        environ[CONNECTION] = (channel.number, channel.served)
        if request.version == "1.1":
            environ[INTERIM] = self._pass_on
        if request.upgrades:
            environ[UPGRADE] = self._take_join
        return environ


def _given_up(channel: Any) -> tuple[Any, bytes, bytes] | None:
    """The socket of a connection that the server uses no more, with what has arrived behind the request and what is not
    sent yet; None if it is closed. For its owner, while its request is in `requests`: no other thread uses it then."""
    if channel._fileno is None or not channel.connected:
        return None
    channel.server.disarm(channel._fileno)
    channel.del_channel()
    given = channel.socket, channel.early, b"".join(buffer.get(-1) for buffer in channel.outbufs)
    channel.connected, channel.socket, channel.early, channel.total_outbufs_len = False, None, b"", 0
    return given


class RefusalTask(TeeTask):
    """Answers a refused request. The connection ends with the answer."""

    def service(self) -> None:
        """Send the refusal."""
        error = self.request.error
        # An error of another class, such as one of waitress, becomes a 500.
        answer = tee_answer(error if isinstance(error, TeeError) else TeeError())
        self.channel.server.on_refusal(self.environ(), answer)
        self.close_on_finish = True
        self._start_response(f"{answer.status} {answer.reason}", answer.headers)
        self.write(answer.body if isinstance(answer.body, bytes) else b"")


_NO_BODY = BytesIO()
