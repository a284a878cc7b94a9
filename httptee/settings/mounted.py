"""The options that have no effect where another server runs the tee."""

from __future__ import annotations

from collections.abc import Collection

from httptee.settings.options import BY_NAME
from httptee.settings.settings import Settings

IGNORED = (
    "l",
    "a.check",
    "processes",
    "no-pin",
    "connection-limit",
    "max-pending",
    "client-timeout",
    "max-request-memory",
    "admin",
    "cert.file",
    "key.file",
    "key.password-file",
    "tls-handshake-timeout",
    "client-ca",
    "client-auth",
)
"""They are about the listening side, the processes and the admin listener: another server has its own."""


def ignored(settings: Settings, given: Collection[str] = ()) -> list[str]:
    """The options of `IGNORED` that are set: those in `given`, and those whose value is not the default."""
    default = Settings()
    fields = {name: BY_NAME[name].setting for name in IGNORED}
    return [
        name for name, field in fields.items() if name in given or getattr(settings, field) != getattr(default, field)
    ]
