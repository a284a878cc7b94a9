"""TLS to an upstream: which authorities to trust, which certificate to show, and the session to resume.

A full handshake costs the upstream a signature. A handshake that resumes an earlier session needs no signature
(RFC 8446 §2.2), and with TLS 1.2 it saves a round trip (RFC 5246 §7.3). With TLS 1.3 the ticket for that arrives after
the handshake, before the first answer. So a context keeps the session of the newest connection that has read an
answer, and offers it to the next connection.
"""

from __future__ import annotations

import os
import socket
import ssl
from dataclasses import dataclass
from typing import Any

from requests.utils import DEFAULT_CA_BUNDLE_PATH

RECORD = 16_384
"""The most bytes in one record of TLS (RFC 8446 §5.1), and in the first write of a request.

A longer write takes several records. If it fails, OpenSSL does not say how many of them the kernel took: nothing would
count as sent of a request that the upstream has read, and a POST would be sent again. A record is sent whole or cannot
be read.
"""


def first_pieces(head: bytes, tls: bool) -> list[memoryview]:
    """The head of a request in pieces to be written one after the other: with TLS the first one is a record."""
    whole = memoryview(head)
    return [whole[:RECORD], whole[RECORD:]] if tls and len(head) > RECORD else [whole]


@dataclass(frozen=True, slots=True)
class Trust:
    """How an https upstream is verified, and which client certificate it gets. `ca`, `cert` and `key` are PEM files, or
    empty.

    `ca` may be a directory; without it the system's authorities are trusted. `insecure` turns the verification off.
    `server_name` replaces the endpoint's host as the name that TLS requests and verifies.
    """

    ca: str = ""
    cert: str = ""
    key: str = ""
    insecure: bool = False
    server_name: str = ""

    @property
    def verify(self) -> bool | str:
        """The value of `verify` for requests."""
        return not self.insecure and (self.ca or True)

    @property
    def certificate(self) -> str | tuple[str, str] | None:
        """The value of `cert` for requests."""
        return (self.cert, self.key) if self.key else self.cert or None


class ResumingContext(ssl.SSLContext):
    """A client's context that offers the last remembered session in each new connection."""

    _session: ssl.SSLSession | None = None

    def wrap_socket(self, sock: socket.socket, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        """A connection that offers the session. It has not shaken hands yet."""
        options["session"] = self._session
        return super().wrap_socket(sock, *arguments, **options)

    def forget(self) -> None:
        """Offer no session to the next connection: a handshake has failed."""
        self._session = None

    def remember(self, connection: ssl.SSLSocket) -> None:
        """Keep the session of a connection on which an answer has begun to arrive. No other thread may be using it."""
        session = connection.session
        if session is not None and (session.has_ticket or connection.version() != "TLSv1.3"):
            self._session = session


def remember(tls: ssl.SSLSocket) -> None:
    """Keep the TLS session for the next connection: its ticket has arrived by the first answer."""
    if isinstance(tls.context, ResumingContext):
        tls.context.remember(tls)


def tls_context(verify: bool | str, cert: str | tuple[str, str] | None) -> ResumingContext:
    """The context that all https connections of an endpoint share. The arguments have the same meaning as in requests,
    except that `verify=True` means the system's authorities.

    To load the authorities takes about 20 ms, so it is done once and not for every connection. Raises OSError for a
    file that cannot be read.
    """
    context = ResumingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Anybody on the path can cause an end without close_notify (RFC 9112 §9.8). It must not look like a valid end.
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    context.set_alpn_protocols(["http/1.1"])
    if verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif verify is True and _system_has_authorities():
        context.set_default_verify_paths()
    else:
        authorities = DEFAULT_CA_BUNDLE_PATH if verify is True else verify
        folder = os.path.isdir(authorities)
        context.load_verify_locations(None if folder else authorities, authorities if folder else None)
    if cert is not None:
        certificate, key = (cert, None) if isinstance(cert, str) else cert
        context.load_cert_chain(certificate, key, _no_password)
    return context


def _system_has_authorities() -> bool:
    """Whether OpenSSL's default paths contain authorities. A bare container has none; certifi is used then."""
    paths = ssl.get_default_verify_paths()
    return bool(paths.cafile or (paths.capath and os.listdir(paths.capath)))


def _no_password() -> str:
    """An empty password, so that OpenSSL shows no prompt on the terminal."""
    return ""
