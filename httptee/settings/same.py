"""Upstreams that must not be what they are: an A or a B that is this tee itself, and a B that is A.

The first is a loop, the second sends every request twice to the same server. Both are refused before the first request,
unless `allow-same` permits them. Names are resolved for this, all at the same time, within `PATIENCE`. A name that does
not resolve in that time is compared as text only.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from time import monotonic

from httptee.errors import ConfigError
from httptee.http import Endpoint, Listen
from httptee.settings.settings import Settings
from httptee.settings.shadow_settings import ShadowSettings, shadow_settings
from httptee.transport import look_up

PATIENCE = 1.0
"""Seconds for all names together."""

Ip = IPv4Address | IPv6Address
_Found = Mapping[str, frozenset[Ip]]

_ADMIN = "the admin listener of this tee"
_TEE = "this tee itself"


@dataclass(frozen=True)
class Own:
    """A listener of this tee. `families` are those in which it accepts on every address of the machine: 4, 6. `path` is
    that of a Unix socket."""

    label: str
    port: int
    ips: frozenset[Ip] = frozenset()
    families: frozenset[int] = frozenset()
    path: str = ""

    def takes(self, ip: Ip) -> bool:
        """Whether a connection to this address, and this port, arrives here."""
        return ip in self.ips or (ip.version in self.families and _is_local(ip))


def own_sockets(listening: Iterable[socket.socket], admin: Iterable[socket.socket]) -> list[Own]:
    """The listeners behind sockets that are bound."""
    return [_of_socket(_TEE, each) for each in listening] + [_of_socket(_ADMIN, each) for each in admin]


def own_addresses(settings: Settings) -> list[Own]:
    """The listeners that the settings name. A port 0 is not known before it is bound."""
    given = [(_TEE, settings.listen), (_ADMIN, settings.admin)]
    found = _resolved({listen.host for _, listen in given if listen is not None and listen.host})
    known = [(label, listen) for label, listen in given if listen is not None and (listen.port or listen.path)]
    return [_of_listen(label, listen, found) for label, listen in known]


def check_same(settings: Settings, own: Sequence[Own]) -> None:
    """Raise ConfigError, with the way out in the message, if A or a B is one of the listeners, or a B is A."""
    if settings.allow_same:
        return
    shadows = [shadow for shadow in shadow_settings(settings) if not shadow.allow_same]
    found = _resolved({one.host for one in (settings.a, *(shadow.endpoint for shadow in shadows)) if not one.socket})
    _check_own(f"A {settings.a}", settings.a, own, found, "-allow-same permits it")
    for shadow in shadows:
        name = f"B {shadow.endpoint}" if shadow.name == str(shadow.endpoint) else f"B {shadow.name} {shadow.endpoint}"
        permits = "-allow-same, or allow-same in the line of this B, permits it"
        _check_own(name, shadow.endpoint, own, found, permits)
        if _is_a(settings, shadow, found):
            raise ConfigError(f"{name} is A: every request would reach it twice, writes too. {permits}")


def of_same_address(endpoint: Endpoint, others: Sequence[Endpoint]) -> Endpoint | None:
    """The first one of the others with the address and port of this endpoint, whatever its scheme and prefix, or None.

    Which site it is there, a Host field and a path decide: two endpoints of one address may be one server.
    """
    found = _resolved({one.host for one in (endpoint, *others) if not one.socket})
    return next((one for one in others if _is_at(endpoint, one, found)), None)


def _is_at(one: Endpoint, other: Endpoint, found: _Found) -> bool:
    if one.socket or other.socket:
        return _same_file(one.socket, other.socket)
    ips, more = (found.get(each.host, frozenset()) for each in (one, other))
    return one.port == other.port and (_plain(one.host) == _plain(other.host) or not ips.isdisjoint(more))


def _check_own(name: str, endpoint: Endpoint, own: Iterable[Own], found: _Found, permits: str) -> None:
    for listener in own:
        if endpoint.socket or listener.path:
            same = bool(endpoint.socket) and _same_file(endpoint.socket, listener.path)
        else:
            same = endpoint.port == listener.port and any(map(listener.takes, found.get(endpoint.host, ())))
        if same:
            raise ConfigError(f"{name} is {listener.label}: its requests would come back to the tee. {permits}")


def _is_a(settings: Settings, shadow: ShadowSettings, found: _Found) -> bool:
    """Whether a B gets what A gets: at the same address, port and prefix, with a Host that selects the same site."""
    a, b = settings.a, shadow.endpoint
    if (
        (a.scheme, a.port, a.prefix) != (b.scheme, b.port, b.prefix)
        or shadow.changes.host is not None
        or shadow.changes.rewrites
    ):
        return False
    if a.socket or b.socket:
        return _same_file(a.socket, b.socket)
    if _plain(a.host) == _plain(b.host):
        return True
    same_host_field = not (settings.a_rewrite or shadow.rewrite_host)
    return same_host_field and not found.get(a.host, frozenset()).isdisjoint(found.get(b.host, frozenset()))


def _same_file(path: str, other: str) -> bool:
    """Whether two paths, neither of them empty, lead to the same Unix socket."""
    return bool(path and other) and os.path.realpath(path) == os.path.realpath(other)


def _plain(host: str) -> str:
    return host.lower().removesuffix(".")


def _of_socket(label: str, listening: socket.socket) -> Own:
    name = listening.getsockname()
    if isinstance(name, str):
        return Own(label, 0, path=name)
    host, port = name[:2]
    ip = _ip(host)
    if not ip.is_unspecified:
        return Own(label, port, frozenset({ip}))
    families = {ip.version}
    if ip.version == 6 and not listening.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
        families.add(4)
    return Own(label, port, families=frozenset(families))


def _of_listen(label: str, listen: Listen, found: _Found) -> Own:
    if listen.path:
        return Own(label, 0, path=listen.path)
    every = {"": {4, 6}, "0.0.0.0": {4}, "::": {6}}.get(listen.host)
    if every is not None:
        return Own(label, listen.port, families=frozenset(every))
    return Own(label, listen.port, found.get(listen.host, frozenset()))


def _ip(text: str) -> Ip:
    """The address, without a zone. An IPv4 address in an IPv6 one is the IPv4 address."""
    ip = ip_address(text.partition("%")[0])
    return (ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else ip


def _is_local(ip: Ip) -> bool:
    """Whether the address is one of this machine. Sends nothing: the kernel only chooses a source address."""
    if ip.is_loopback:
        return True
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(ip), 9))
            return _ip(probe.getsockname()[0]) == ip
    except OSError:
        return False


def _resolved(hosts: Iterable[str]) -> _Found:
    """The addresses of the names that resolve within `PATIENCE`. An unspecified address leads to this machine."""
    found: dict[str, frozenset[Ip]] = {}

    def resolve(host: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            ips = {_ip(address.sockaddr[0]) for address in look_up(host, 0)}
            found[host] = frozenset(_LOOPBACK[ip.version] if ip.is_unspecified else ip for ip in ips)

    threads = [threading.Thread(target=resolve, args=(host,), name="names", daemon=True) for host in set(hosts)]
    deadline = monotonic() + PATIENCE
    with contextlib.suppress(RuntimeError, MemoryError):  # the process may start no more threads
        for thread in threads:
            thread.start()
    for thread in threads:
        if thread.ident is not None:
            thread.join(max(0.0, deadline - monotonic()))
    return dict(found)


_LOOPBACK: dict[int, Ip] = {4: IPv4Address("127.0.0.1"), 6: IPv6Address("::1")}
