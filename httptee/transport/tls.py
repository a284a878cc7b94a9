"""TLS towards an upstream: whom to trust, what to show, and the session that the next handshake resumes.

A full handshake costs the upstream a signature and both sides a round trip or two; one that resumes an earlier session
costs neither (RFC 8446 §2.2). With TLS 1.3 what it takes comes after the handshake, in front of the first answer. So a
context keeps the session of the connection that last read an answer, and offers it to the next.
"""

from __future__ import annotations

import os
import socket
import ssl
from dataclasses import dataclass
from typing import Any

from requests.utils import DEFAULT_CA_BUNDLE_PATH


@dataclass(frozen=True, slots=True)
class Trust:
    """How an https upstream is verified, and what it is shown. `ca`, `cert` and `key` are PEM files, empty for none.

    Without `ca` (a file or a directory) the system's authorities count. `server_name` takes the place of the
    endpoint's host in what is asked for and verified.
    """

    ca: str = ""
    cert: str = ""
    key: str = ""
    insecure: bool = False
    server_name: str = ""

    @property
    def verify(self) -> bool | str:
        """What requests calls verify."""
        return not self.insecure and (self.ca or True)

    @property
    def certificate(self) -> str | tuple[str, str] | None:
        """What requests calls cert."""
        return (self.cert, self.key) if self.key else self.cert or None


class ResumingContext(ssl.SSLContext):
    """A client's context that offers each new connection the session remembered last."""

    _session: ssl.SSLSession | None = None

    def wrap_socket(self, sock: socket.socket, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        """A connection that offers the session."""
        options["session"] = self._session
        return super().wrap_socket(sock, *arguments, **options)

    def forget(self) -> None:
        """Offer no session to the next connection: a handshake has failed."""
        self._session = None

    def remember(self, connection: ssl.SSLSocket) -> None:
        """Keep the session of a connection on which an answer has begun to arrive; nobody else may be using it."""
        session = connection.session
        if session is not None and (session.has_ticket or connection.version() != "TLSv1.3"):
            self._session = session


def tls_context(verify: bool | str, cert: str | tuple[str, str] | None) -> ResumingContext:
    """What https connections of an endpoint share; the arguments mean what they mean to requests, but that True is
    the system's authorities.

    Loading the authorities takes some 20 ms, so this is done once and not for every connection. Raises OSError for a
    file that cannot be read.
    """
    context = ResumingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # An end without close_notify may be anybody's doing (RFC 9112 §9.8): it must not look like the upstream's.
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
    """Whether there is anything where OpenSSL looks for them; a bare container has none, and certifi steps in."""
    paths = ssl.get_default_verify_paths()
    return bool(paths.cafile or (paths.capath and os.listdir(paths.capath)))


def _no_password() -> str:
    """OpenSSL would ask for it on the terminal otherwise."""
    return ""
