"""The TLS context of the listening side, built from the settings before any worker process is forked.

Invalid settings or files are refused with an error of one line. The keys that encrypt session tickets belong to the
context. The worker processes share them, so each accepts the tickets of all (RFC 5077, RFC 8446 §4.6.1).
"""

from __future__ import annotations

import contextlib
import logging
import ssl
from pathlib import Path

from httptee.errors import ConfigError
from httptee.settings import Settings, check_trust, pem_flaw

logger = logging.getLogger(__name__)

_PARTIAL_CHAIN = ssl.VerifyFlags(0x80000)  # ssl.VERIFY_X509_PARTIAL_CHAIN; Python 3.10 has no name for it
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME; Python has no name for it
_VALIDITY = {9: "is not valid yet", 10: "has expired"}  # X509_V_ERR_…


def listening_tls(settings: Settings) -> ssl.SSLContext | None:
    """`server_context`, after a check of all other TLS files. Raises ConfigError."""
    check_trust(settings)
    return server_context(settings)


def server_context(settings: Settings) -> ssl.SSLContext | None:
    """The TLS context of the listening side, or None for plain HTTP.

    Raises ConfigError for options that do not fit together and for files that are missing, invalid or do not match. A
    certificate that has expired or is not valid yet is used, with a warning in the log: a tee that does not start would
    do more harm.
    """
    if not settings.cert_file:
        for name, value in (
            ("key.file", settings.key_file),
            ("key.password-file", settings.key_password_file),
            ("client-ca", settings.client_ca),
        ):
            if value:
                raise ConfigError(f"-{name}: needs -cert.file")
    if settings.client_subject_header and not settings.client_ca:
        raise ConfigError("-client-subject-header: needs -client-ca")
    if not settings.cert_file:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    # OpenSSL sends two tickets by default. One is enough: a client gets a new one with each resumed connection.
    context.num_tickets = 1
    _load_certificate(context, settings)
    if settings.client_ca:
        _load_authorities(context, settings)
    flaw = _flaw(context, settings.cert_file)
    if flaw:
        logger.warning("the certificate in %s %s: clients will refuse it", settings.cert_file, flaw)
    return context


def _load_certificate(context: ssl.SSLContext, settings: Settings) -> None:
    """Load certificate, chain and key. OpenSSL never prompts for a password on the terminal."""
    for name, path in (
        ("cert.file", settings.cert_file),
        ("key.file", settings.key_file),
        ("key.password-file", settings.key_password_file),
    ):
        if path:
            _check_readable(name, path)
    password = ""
    if settings.key_password_file:
        password = Path(settings.key_password_file).read_text(encoding="utf-8", errors="replace").rstrip("\r\n")
    asked = False

    def tell() -> str:
        nonlocal asked
        asked = True
        return password

    key_file = settings.key_file or settings.cert_file
    try:
        context.load_cert_chain(settings.cert_file, key_file, tell)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            why = f"the key in {key_file} does not belong to the certificate"
        elif asked and not password:
            why = f"the key in {key_file} is encrypted: set -key.password-file"
        elif asked:
            why = f"the password in {settings.key_password_file} does not decrypt the key in {key_file}"
        elif not (why := pem_flaw(settings.cert_file, key_file, "-key.file")):
            why = f"no PEM certificate with its key in {settings.cert_file} and {key_file}"
            why += f" ({error.reason})" if error.reason and error.reason != "PEM lib" else ""
        raise ConfigError(f"-cert.file: {why}") from None
    except ValueError as error:
        raise ConfigError(f"-key.password-file: {error}") from None


def _load_authorities(context: ssl.SSLContext, settings: Settings) -> None:
    _check_readable("client-ca", settings.client_ca)
    try:
        context.load_verify_locations(settings.client_ca)
    except ssl.SSLError:
        raise ConfigError(f"-client-ca: no PEM certificate in {settings.client_ca}") from None
    context.verify_mode = ssl.CERT_REQUIRED if settings.client_auth == "required" else ssl.CERT_OPTIONAL


def _check_readable(name: str, path: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise ConfigError(f"-{name}: cannot read {path}: {error.strerror}") from None


def certificate_end(context: ssl.SSLContext | None, cert_file: str) -> int | None:
    """The end of the certificate that clients get, in seconds since the epoch; None without one.

    `cert_file` must still be what the context was made from. It is found by a handshake in memory.
    """
    client = _verified(context, cert_file, _NO_CHECK_TIME) if context is not None else None
    found = client.getpeercert() if client is not None else None
    return int(ssl.cert_time_to_seconds(str(found["notAfter"]))) if found else None


def _flaw(context: ssl.SSLContext, cert_file: str) -> str:
    """What is wrong with the dates of the certificate, or ""."""
    try:
        _verified(context, cert_file)
    except ssl.SSLCertVerificationError as error:
        return _VALIDITY.get(error.verify_code, "")
    return ""


def _verified(context: ssl.SSLContext, cert_file: str, flags: int = 0) -> ssl.SSLObject:
    """The client's side of a handshake in memory, with the certificate verified by itself; what it has
    of the certificate if it fails for another reason. Raises SSLCertVerificationError."""
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_flags |= _PARTIAL_CHAIN | flags
    trusting.load_verify_locations(cert_file)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(to_server, to_client, server_side=True)
    client = trusting.wrap_bio(to_client, to_server)
    for end in (client, server, client):
        try:
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
        except ssl.SSLCertVerificationError:
            raise
        except ssl.SSLError:
            break
    return client
