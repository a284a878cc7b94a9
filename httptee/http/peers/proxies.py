"""The proxies in front that are trusted, and the client's address by what they say.

Each proxy appends the address of its own peer to X-Forwarded-For, so the last address is what the nearest proxy has
seen. Only the part that trusted proxies have written counts: from the right, the first address that is none of theirs
is the client. Everything to the left of it may be forged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

UNIX = "unix"
"""Stands for the client of a Unix socket, which has no address."""


@dataclass(frozen=True, slots=True)
class Proxies:
    """Networks whose hosts are trusted, and whether the clients of a Unix socket are. `text` is as it was given."""

    text: str
    networks: tuple[IPv4Network | IPv6Network, ...] = field(compare=False, repr=False)
    unix: bool = field(default=False, compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> Proxies:
        """Read addresses, networks and `unix` with commas between: `10.0.0.0/8,192.0.2.1,unix`. Raises ValueError."""
        words = [word.strip() for word in text.split(",")]
        try:
            networks = tuple(ip_network(word, strict=False) for word in words if word != UNIX)
        except ValueError:
            raise ValueError(f"must be addresses, networks or unix, such as 10.0.0.0/8,192.0.2.1: {text!r}") from None
        return cls(text, networks, UNIX in words)

    def __str__(self) -> str:
        return self.text

    def trusts(self, address: str) -> bool:
        """Whether an address is one of them. The empty text is the client of a Unix socket."""
        return _trusts(self.networks, address) if address else self.unix

    def client(self, peer: str, forwarded: Sequence[str]) -> str:
        """The client's address, from that of the peer and the values of X-Forwarded-For, in their order.

        What is not an address ends the search: the proxy that wrote it does not know its client, so it stands for it.
        If all are trusted, the first one is the client.
        """
        if not self.trusts(peer):
            return peer
        client = peer
        for text in reversed(",".join(forwarded).split(",")):
            address = _address(text.strip())
            if not address:
                break
            client = address
            if not self.trusts(address):
                break
        return client


@lru_cache(maxsize=4096)
def _trusts(networks: tuple[IPv4Network | IPv6Network, ...], address: str) -> bool:
    try:
        ip: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:  # an IPv4 client of a dual-stack socket
        ip = ip.ipv4_mapped
    return any(ip.version == network.version and ip in network for network in networks)


@lru_cache(maxsize=4096)
def _address(text: str) -> str:
    """The address in an element of X-Forwarded-For, without brackets and port; empty if it is none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        ip = ip_address(text)
    except ValueError:
        return ""
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return str(mapped or ip)
