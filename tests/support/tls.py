"""Certificates made on the fly, and both ends of TLS for clients and servers of the tests."""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import trustme

_NAMES = ("127.0.0.1", "localhost", "tee.localhost")


class ClientSocket(ssl.SSLSocket):
    """Takes an end without close_notify for what it is: a connection that somebody has cut."""

    suppress_ragged_eofs = property(lambda self: False, lambda self, value: None)  # type: ignore[assignment]

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        try:
            return super().recv(buflen, flags)
        except ssl.SSLEOFError as error:
            raise ConnectionResetError("cut off without close_notify") from error

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        try:
            return super().recv_into(buffer, nbytes, flags)
        except ssl.SSLEOFError as error:
            raise ConnectionResetError("cut off without close_notify") from error


class Authority:
    """A certificate authority, with the files it writes below `directory`."""

    def __init__(self, directory: Path, name: str = "authority") -> None:
        self._ca = trustme.CA()
        self._directory = directory
        self.file = str(directory / f"{name}.pem")
        self._ca.cert_pem.write_to_path(self.file)

    def issue(
        self, *names: str, file: str = "certificate.pem", expired: bool = False, common_name: str | None = None
    ) -> str:
        """A certificate with its key, in one file; for this machine unless `names` say for whom."""
        now = datetime.now(timezone.utc)
        dates = (
            {"not_before": now - timedelta(days=9), "not_after": now - timedelta(days=1)}
            if expired
            else {"not_before": now - timedelta(days=1), "not_after": now + timedelta(days=9)}
        )
        certificate = self._ca.issue_cert(*(names or _NAMES), common_name=common_name, **dates)
        path = str(self._directory / file)
        certificate.private_key_and_cert_chain_pem.write_to_path(path)
        return path

    def server(self, certificate: str | None = None) -> ssl.SSLContext:
        """What a server of the tests speaks TLS with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate or self.issue(file="server.pem"))
        return context

    def client(self, certificate: str | None = None, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """What a client of the tests speaks TLS with: it trusts this authority, and notices cut connections."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.sslsocket_class = ClientSocket
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        context.load_verify_locations(self.file)
        if certificate:
            context.load_cert_chain(certificate)
        if version:
            context.minimum_version = context.maximum_version = version
        return context
