"""Addresses of engines: `redis://[user@]host[:port]/topic`, `rediss://…`, `kafka://[user@]host[:port][,host…]/topic`.

A password never stands in the address: a command line is visible to everybody on the machine.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

SCHEMES = ("redis", "rediss", "kafka")
PASSWORD_VARIABLE = "HTTPTEE_ENGINE_PASSWORD"
SASL = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")
"""How a user of Kafka shows the password."""
PARTITIONS = 16
MOST_PARTITIONS = 1024

_PORTS = {"redis": 6379, "rediss": 6379, "kafka": 9092}
_FORM = re.compile(
    r"(?P<scheme>\w+)://(?:(?P<user>[^/?#]*)@)?(?P<hosts>[^/?#@]*)(?:/(?P<topic>[^?#]*))?(?:\?(?P<more>.*))?"
)
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:\s]+)(?::(?P<port>\d{1,5}))?")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,200}")
_WHERE = f"put it into a file that password-file=FILE names, or into the environment variable {PASSWORD_VARIABLE}"


@dataclass(frozen=True, slots=True)
class Address:
    """A topic of an engine. `hosts` holds at least one (host, port). `password_file`, `ca`, `cert` and `key` are paths,
    or empty. `tls` is always set for `rediss`. `sasl` is for Kafka."""

    scheme: str
    hosts: tuple[tuple[str, int], ...]
    topic: str
    user: str = ""
    partitions: int = PARTITIONS
    password_file: str = field(default="", repr=False)
    tls: bool = False
    ca: str = ""
    cert: str = ""
    key: str = ""
    sasl: str = SASL[0]

    @property
    def label(self) -> str:
        """For people: without user, password and options."""
        hosts = ",".join(host_and_port(host, port) for host, port in self.hosts)
        return f"{self.scheme}://{hosts}/{self.topic}"

    def password(self) -> str:
        """The password, or empty: read anew each time, so that a changed one needs no restart. Raises ValueError."""
        if not self.password_file:
            return os.environ.get(PASSWORD_VARIABLE, "")
        try:
            return Path(self.password_file).read_text().strip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise ValueError(f"password-file {self.password_file}: {reason}") from error


def is_engine_address(text: str) -> bool:
    """Whether a text is meant as the address of an engine, right or wrong."""
    return text.partition("://")[0].lower() in SCHEMES and "://" in text


def parse_address(text: str) -> Address:
    """The address of a topic. Raises ValueError: what is wrong, without a password that stands there."""
    text = text.strip()
    try:
        return _parsed(text)
    except ValueError as error:
        raise ValueError(f"{_shown(text)}: {error}") from None


def check_name(name: str) -> str:
    """A name of a group or a topic as it is. Raises ValueError."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r}: expected a name of letters, digits, '.', '_' and '-'")
    return name


def host_and_port(host: str, port: int) -> str:
    """`host:port`, with brackets for IPv6."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def tls_context(address: Address) -> ssl.SSLContext:
    """Check the files of an address. Raises ValueError."""
    try:
        context = ssl.create_default_context(cafile=address.ca or None)
        if address.cert:
            context.load_cert_chain(address.cert, address.key or None)
    except OSError as error:  # ssl.SSLError is one
        files = ", ".join(name for name in (address.ca, address.cert, address.key) if name)
        raise ValueError(f"{address.label}: {files}: {error.strerror or error}") from error
    return context


def _shown(text: str) -> str:
    """An address for a message: nothing of what may be a name and a password, and no options."""
    before, at, host = text.rpartition("@")
    scheme, slashes, _ = before.partition("://")
    return f"{scheme if slashes else ''}{slashes}…@{host}".partition("?")[0] if at else text.partition("?")[0]


def _parsed(text: str) -> Address:
    """Raises ValueError: what was expected."""
    found = _FORM.fullmatch(text)
    if found is None or found["scheme"].lower() not in SCHEMES:
        raise ValueError("expected redis://HOST/TOPIC, rediss://HOST/TOPIC or kafka://HOST/TOPIC")
    scheme, user, topic = found["scheme"].lower(), unquote(found["user"] or ""), found["topic"] or ""
    if ":" in user:
        raise ValueError(f"a password in the address is seen by everybody: {_WHERE}")
    if not _NAME.fullmatch(topic) or topic in (".", ".."):
        raise ValueError("expected a topic of letters, digits, '.', '_' and '-' after the host")
    hosts = tuple(_host(part, scheme) for part in found["hosts"].split(","))
    if scheme != "kafka" and len(hosts) > 1:
        raise ValueError("expected one host")
    address = Address(scheme, hosts, topic, user, **_options(found["more"] or "", scheme))
    if scheme != "kafka" and address.tls != (scheme == "rediss"):
        raise ValueError(f"tls={int(address.tls)}: say {'rediss' if address.tls else 'redis'}://")
    if (address.ca or address.cert or address.key) and not address.tls:
        raise ValueError("ca, cert and key are for TLS: say rediss:// or tls=1")
    if address.sasl == "PLAIN" and not address.tls:
        raise ValueError("sasl=PLAIN sends the password as it is: say tls=1")
    return address


def _host(text: str, scheme: str) -> tuple[str, int]:
    found = _HOST.fullmatch(text)
    port = int(found["port"] or _PORTS[scheme]) if found else 0
    if found is None or not 0 < port < 65536:
        raise ValueError("expected HOST or HOST:PORT")
    return found["host"].strip("[]"), port


def _options(text: str, scheme: str) -> dict[str, Any]:
    """The fields that are said after the question mark."""
    options: dict[str, Any] = {"tls": scheme == "rediss"}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if "password" in name.lower() and name != "password-file":
            raise ValueError(f"{name}=: a password in the address is seen by everybody: {_WHERE}")
        if name not in _OPTIONS:
            raise ValueError(f"{name}: expected one of {', '.join(_OPTIONS)}")
        options[name.replace("-", "_")] = _OPTIONS[name](name, value)
    return options


def _count(name: str, value: str) -> int:
    if not value.isascii() or not value.isdigit() or not 0 < int(value) <= MOST_PARTITIONS:
        raise ValueError(f"{name}={value}: expected a number from 1 to {MOST_PARTITIONS}")
    return int(value)


def _switch(name: str, value: str) -> bool:
    if value not in ("0", "1"):
        raise ValueError(f"{name}={value}: expected 0 or 1")
    return value == "1"


def _file(name: str, value: str) -> str:
    if not value:
        raise ValueError(f"{name}=: expected a file")
    return value


def _mechanism(name: str, value: str) -> str:
    if value not in SASL:
        raise ValueError(f"{name}={value}: expected one of {', '.join(SASL)}")
    return value


_OPTIONS: dict[str, Callable[[str, str], object]] = {
    "partitions": _count,
    "password-file": _file,
    "tls": _switch,
    "ca": _file,
    "cert": _file,
    "key": _file,
    "sasl": _mechanism,
}
