"""nginx and httptee with TLS in front, and their certificates."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from .processes import finish, program
from .subjects import Command, Subject, start_httptee, start_nginx
from .workspace import Workspace

KEYS = {
    "P-256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "RSA 2048": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
}
"""The key of a certificate: openssl's options by name."""


def certificate(directory: Path, kind: str) -> Path:
    """A self-signed certificate and its key in one file."""
    path = directory / f"{kind.replace(' ', '-')}.pem"
    key, cert = directory / "key.pem", directory / "cert.pem"
    finish([program("openssl"), "genpkey", *KEYS[kind], "-out", str(key)], 60)
    finish([program("openssl"), "req", "-x509", "-key", str(key), "-subj", "/CN=localhost", "-days", "7",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", str(cert)], 60)  # fmt: skip
    path.write_bytes(key.read_bytes() + cert.read_bytes())
    return path


def over_tls(pem: Path) -> list[Subject]:
    """The subjects with this certificate, in the order of the table."""

    def httptee(workspace: Workspace, port: int, a: int, b: int | None) -> Command:
        return start_httptee(workspace, port, a, b, "-cert.file", str(pem))

    return [
        Subject("nginx", partial(start_nginx, certificate=pem), tied=True, certificate=pem),
        Subject("httptee", httptee, certificate=pem),
    ]
