"""Where a server is: an upstream's `[http(s)://]host[:port][/prefix]`, and the `[host]:port` the tee listens at.

The upstream's prefix and a request target are joined as they are (RFC 9112 §3.2): nothing is decoded, resolved or
re-encoded, so `/a%2Fb`, `//x`, `/a/../b`, `/%zz` and a bare `?` reach the upstream byte for byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv6Address

DEFAULT_PORTS = {"http": 80, "https": 443}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_PORT = re.compile(r"[0-9]{1,5}")
_VISIBLE = re.compile(r"[!-~]+")
_USERINFO = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)?.*@", re.DOTALL)
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An upstream. `host` is a name or an address without brackets; `prefix` is empty or starts with a slash.

    `authority` is the value for a Host header (RFC 9110 §7.2): IPv6 in brackets, the scheme's own port left out.
    """

    scheme: str
    host: str
    port: int
    prefix: str = ""
    authority: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Work out the authority once: every request sent needs it."""
        default = self.port == DEFAULT_PORTS.get(self.scheme)
        authority = _bracketed(self.host) if default else f"{_bracketed(self.host)}:{self.port}"
        object.__setattr__(self, "authority", authority)

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """Read `[http(s)://]host[:port][/prefix]`.

        Raises ValueError with one line that says what is wrong, and never repeats a password.
        """
        try:
            return cls._parse(text)
        except ValueError as error:
            raise ValueError(f"{error}: {without_userinfo(text)!r}") from None

    @classmethod
    def _parse(cls, text: str) -> Endpoint:
        if not _VISIBLE.fullmatch(text):
            raise ValueError("an endpoint is visible ASCII without spaces" if text else "an endpoint is missing")
        match = _SCHEME.match(text)
        scheme = match[1].lower() if match else "http"
        if scheme not in DEFAULT_PORTS:
            raise ValueError("the scheme of an endpoint is http or https")
        authority, slash, path = text[match.end() if match else 0 :].partition("/")
        if "@" in authority:
            raise ValueError("an endpoint takes no user name or password")
        if "?" in authority + path or "#" in authority + path:
            raise ValueError("an endpoint has no query and no fragment")
        host, port = _host_and_port(authority)
        if not host:
            raise ValueError("an endpoint needs a host")
        number = DEFAULT_PORTS[scheme] if port is None else _port_number(port, lowest=1)
        # Every target brings a slash of its own, so the prefix gives up its last one.
        return cls(scheme, host, number, (slash + path).removesuffix("/"))

    def target(self, raw: str) -> str:
        """The request target for this upstream: the prefix, and what the client asked for.

        Absolute-form becomes origin-form (RFC 9112 §3.2.2), its empty path `/`. `*` asks about the server as a whole
        (§3.2.4) and has no prefix. A target of no valid form goes on as it is, below the prefix if there is one.
        Never raises.
        """
        if raw[:1] == "/":
            return self.prefix + raw
        if raw == "*":
            return raw
        origin = origin_form(raw)
        if origin is not raw:
            return self.prefix + origin
        return f"{self.prefix}/{raw}" if self.prefix else raw

    def __str__(self) -> str:
        """The URL, without a trailing slash."""
        return f"{self.scheme}://{self.authority}{self.prefix}"


@dataclass(frozen=True, slots=True)
class Listen:
    """An address to listen at. An empty `host` stands for all of them, IPv4 and IPv6; port 0 for any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Listen:
        """Read `:port`, `host:port` or `[IPv6]:port`. Raises ValueError with one line that says what is wrong."""
        try:
            host, port = _host_and_port(text)
            if port is None:
                raise ValueError("a listening address is :port, host:port or [IPv6]:port")
            return cls(host, _port_number(port, lowest=0))
        except ValueError as error:
            raise ValueError(f"{error}: {without_userinfo(text)!r}") from None

    def __str__(self) -> str:
        """The text that `parse` reads."""
        return f"{_bracketed(self.host)}:{self.port}"


def is_bracketed_list(text: str) -> bool:
    """Whether it is `[x, y]`. `[::1]` is one address and not a list."""
    return bool(re.fullmatch(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]", text)) and not _is_ipv6(text[1:-1])


def origin_form(raw: str) -> str:
    """A request target without the scheme and authority of an absolute one (RFC 9112 §3.2.2). Never raises."""
    absolute = _ABSOLUTE.match(raw) if raw[:1] != "/" else None
    if absolute is None:
        return raw
    path = raw[absolute.end() :]
    return path if path.startswith("/") else "/" + path


def path_of(raw: str) -> str:
    """The path of a request target, not decoded, without the query."""
    return (raw if raw[:1] == "/" else origin_form(raw)).partition("?")[0]


def without_userinfo(text: str) -> str:
    """The text, fit for a log: with `***` for whatever may be a user name and a password.

    Cuts up to the last `@` of all, since a password somebody forgot to encode may hold any character.
    """
    return _USERINFO.sub(r"\1***@", text)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _host_and_port(authority: str) -> tuple[str, str | None]:
    """The host without brackets, and the text of the port where a colon announces one."""
    if authority.startswith("["):
        return _ipv6_and_port(authority)
    host, colon, port = authority.partition(":")
    if ":" in port:
        raise ValueError("an IPv6 address stands in brackets")
    # The resolver raises UnicodeError, not OSError, for empty and overlong labels: they must not get that far.
    labels = host.removesuffix(".").split(".")
    if host and (len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels)):
        raise ValueError("the host is neither a name nor an address")
    return host, port if colon else None


def _ipv6_and_port(authority: str) -> tuple[str, str | None]:
    host, bracket, rest = authority[1:].partition("]")
    if not bracket or not _is_ipv6(host) or (rest and not rest.startswith(":")):
        raise ValueError("what stands in brackets is not an IPv6 address")
    return host, rest[1:] if rest else None


def _is_ipv6(text: str) -> bool:
    """Whether it is an address, and one without a zone: a zone means nothing to anybody else (RFC 6874 §1)."""
    try:
        return IPv6Address(text).scope_id is None
    except ValueError:
        return False


def _port_number(text: str, lowest: int) -> int:
    if not _PORT.fullmatch(text) or not lowest <= int(text) <= 65535:
        raise ValueError(f"a port is a number from {lowest} to 65535")
    return int(text)
