"""The rows of the option table that are about TLS."""

from __future__ import annotations

from functools import partial

from httptee.casts import field_name, milliseconds, one_of
from httptee.option import Option, flag


def _upstream_tls(name: str, whose: str) -> tuple[Option, ...]:
    """How an https upstream is verified, and the tee by it."""
    return (
        Option(f"{name}.ca", str, "", f"Verify {whose} by these authorities (PEM), not the system's.", "FILE"),
        Option(f"{name}.cert", str, "", f"The client certificate to show to {whose} (PEM).", "FILE"),
        Option(f"{name}.key", str, "", "Its private key, if it is not in the same file (PEM).", "FILE"),
        flag(f"{name}.insecure", f"Take any certificate from {whose}: whoever is in between can read and change all."),
        Option(
            f"{name}.server-name", str, "", f"The name to ask {whose} for and to verify, not the endpoint's.", "NAME"
        ),
    )


TLS_OPTIONS: tuple[Option, ...] = (
    Option("cert.file", str, "", "Serve HTTPS with this certificate, its chain behind it (PEM).", "FILE"),
    Option("key.file", str, "", "The certificate's private key, if it is not in the same file (PEM).", "FILE"),
    Option("key.password-file", str, "", "The password of an encrypted key, as the only line of a file.", "FILE"),
    Option(
        "tls-handshake-timeout",
        milliseconds,
        "10000",
        "How long a client may take from connecting to the end of its TLS handshake.",
        "MILLISECONDS",
    ),
    Option("client-ca", str, "", "Verify clients' certificates by these authorities (PEM).", "FILE"),
    Option(
        "client-auth",
        partial(one_of, words=("required", "optional")),
        "required",
        "Whether a client must have a certificate. One that does not verify is refused in any case.",
        "required|optional",
    ),
    Option(
        "client-subject-header",
        field_name,
        "",
        "Tell A and B the subject of the client's certificate in this header field, and nobody else's word for it.",
        "NAME",
    ),
    *_upstream_tls("a", "A"),
    *_upstream_tls("b", "every B"),
)
