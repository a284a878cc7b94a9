"""Which Host a request to a listener on loopback may have.

A page of another site can give its own name the address 127.0.0.1, and then read what listens there (DNS rebinding).
Its requests carry that name. So only names that nobody else can own are answered.
"""

from __future__ import annotations

from ipaddress import ip_address

from httptee.http import Headers, Listen, values

MISDIRECTED = "this listener is on loopback: ask for it as localhost or by its address, not by another name"


def is_loopback(listen: Listen | None) -> bool:
    """Whether the listener can be reached from this machine only."""
    if listen is None:
        return False
    if listen.host == "localhost":
        return True
    try:
        return ip_address(listen.host).is_loopback
    except ValueError:
        return False


def is_own_name(headers: Headers) -> bool:
    """Whether Host is an IP address, `localhost` or a name below it (RFC 6761 §6.3), or missing: no browser omits
    it."""
    for host in values(headers, "host"):
        name = _without_port(host.strip().lower()).rstrip(".")
        if name and name != "localhost" and not name.endswith(".localhost") and not _is_address(name):
            return False
    return True


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
