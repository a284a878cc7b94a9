"""The PROXY protocol, versions 1 and 2: a preamble before the first byte of a connection says for whom it was opened.

haproxy.org/download/2.8/doc/proxy-protocol.txt. Version 1 is a line of text, version 2 is binary. Pure: no I/O.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

MOST = 4096
"""Bytes of the longest preamble that is read: addresses take up to 232, the rest is for TLVs, which are ignored."""

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_HEAD = len(_SIGNATURE) + 4
_LONGEST_LINE = 107
_START = b"PROXY "
_LINE = re.compile(rb"PROXY (TCP4|TCP6) ([0-9a-fA-F:.]{2,45}) ([0-9a-fA-F:.]{2,45}) ([0-9]{1,5}) ([0-9]{1,5})\r\n")
_UNKNOWN = re.compile(rb"PROXY UNKNOWN[^\r\n]*\r\n")
_LOCAL, _PROXY = 0x20, 0x21
_TCP4, _TCP6, _UNIX, _UNSPECIFIED = 0x11, 0x21, 0x31, 0x00
_LENGTHS = {_TCP4: 12, _TCP6: 36, _UNIX: 216, _UNSPECIFIED: 0}


@dataclass(frozen=True, slots=True)
class Preamble:
    """A preamble of `size` bytes. `client` is the address and the port of the client, or None if it says neither."""

    size: int
    client: tuple[str, str] | None


def read_preamble(data: bytes) -> Preamble | None:
    """The preamble at the beginning of a connection, or None while more of it is to come.

    Then all bytes given belong to it. Raises ValueError, with the reason, for anything else.
    """
    if data[:12] == _SIGNATURE[: len(data)]:
        return _version_2(data)
    if data[:6] == _START[: len(data)]:
        return _version_1(data)
    raise ValueError("there is none")


def _version_1(data: bytes) -> Preamble | None:
    end = data.find(b"\n", 0, _LONGEST_LINE) + 1
    if not end:
        if len(data) >= _LONGEST_LINE:
            raise ValueError("its line does not end")
        return None
    line = data[:end]
    if _UNKNOWN.fullmatch(line):
        return Preamble(end, None)
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError("its line is malformed")
    family, source, destination, port, other = (text.decode("ascii") for text in found.groups())
    wanted = IPv4Address if family == "TCP4" else IPv6Address
    wanted(destination)  # ValueError for anything but such an address
    if max(int(port), int(other)) > 65535:
        raise ValueError("a port is over 65535")
    return Preamble(end, (str(wanted(source)), str(int(port))))


def _version_2(data: bytes) -> Preamble | None:
    if len(data) < _HEAD:
        return None
    command, family, length = data[12], data[13], int.from_bytes(data[14:16], "big")
    if command not in (_LOCAL, _PROXY):
        raise ValueError("its version or command is unknown")
    if _HEAD + length > MOST:
        raise ValueError(f"it is longer than {MOST} bytes")
    if command == _PROXY and (family not in _LENGTHS or length < _LENGTHS[family]):
        raise ValueError("its addresses are of an unknown family, or too short")
    if len(data) < _HEAD + length:
        return None
    return Preamble(_HEAD + length, _source(family, data[_HEAD:]) if command == _PROXY else None)


def _source(family: int, addresses: bytes) -> tuple[str, str] | None:
    if family == _TCP4:
        return socket.inet_ntop(socket.AF_INET, addresses[:4]), str(int.from_bytes(addresses[8:10], "big"))
    if family == _TCP6:
        return socket.inet_ntop(socket.AF_INET6, addresses[:16]), str(int.from_bytes(addresses[32:34], "big"))
    return None


def write_preamble(version: str, client: tuple[str, str], server: tuple[str, int]) -> bytes:
    """The preamble, `v1` or `v2`, of a connection that is opened for a client, with what is known of both ends.

    Without an address of the client it says that the client is unknown. A port that is not known is 0.
    """
    source = _parsed(client[0])
    if source is None:
        return b"PROXY UNKNOWN\r\n" if version == "v1" else _SIGNATURE + bytes((_PROXY, _UNSPECIFIED, 0, 0))
    destination = _parsed(server[0]) or type(source)(0)
    if source.version != destination.version:  # both must be of one family
        source, destination = _as_ipv6(source), _as_ipv6(destination)
    port = int(client[1]) if client[1].isdigit() and int(client[1]) <= 65535 else 0
    if version == "v1":
        return f"PROXY TCP{source.version} {source} {destination} {port} {server[1]}\r\n".encode("ascii")
    ports = port.to_bytes(2, "big") + server[1].to_bytes(2, "big")
    addresses = source.packed + destination.packed + ports
    family = _TCP4 if source.version == 4 else _TCP6
    return _SIGNATURE + bytes((_PROXY, family)) + len(addresses).to_bytes(2, "big") + addresses


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _as_ipv6(ip: IPv4Address | IPv6Address) -> IPv6Address:
    return IPv6Address(f"::ffff:{ip}") if ip.version == 4 else IPv6Address(int(ip))
