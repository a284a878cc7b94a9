"""Addresses: an upstream's `[http(s)://]host[:port][/prefix]`, and the `[host]:port` at which the tee listens.
Either may be a Unix socket: `unix:/run/app.sock`, for an upstream `[http(s)://]unix:/run/app.sock[:/prefix]`.

An upstream's prefix and a request target are joined unchanged (RFC 9112 §3.2). Nothing is decoded, resolved or
re-encoded, so `/a%2Fb`, `//x`, `/a/../b`, `/%zz` and a bare `?` reach the upstream byte for byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv6Address

DEFAULT_PORTS = {"http": 80, "https": 443}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HALF_A_SCHEME = re.compile(r"https?(:|//)(?![0-9]+(/|$))", re.IGNORECASE)
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_PORT = re.compile(r"[0-9]{1,5}")
_VISIBLE = re.compile(r"[!-~]+")
_USERINFO = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)?.*@", re.DOTALL)
_UNIX = re.compile(r"(?:(https?)://)?unix:([^:]*)(?::(/.*))?", re.IGNORECASE)
_LONGEST_PATH = 107  # bytes (unix(7))
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of an upstream. `host` is a name, or an address without brackets. `prefix` is empty or starts with a
    slash. `socket` is the path of a Unix socket, or empty; `host` is then localhost.

    `authority` is the value for a Host header field (RFC 9110 §7.2): IPv6 in brackets, without the scheme's default
    port.
    """

    scheme: str
    host: str
    port: int
    prefix: str = ""
    socket: str = ""
    authority: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compute the authority once and not for each request."""
        default = self.port == DEFAULT_PORTS.get(self.scheme)
        authority = _bracketed(self.host) if default else f"{_bracketed(self.host)}:{self.port}"
        object.__setattr__(self, "authority", authority)

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """Read `[http(s)://]host[:port][/prefix]`.

        Raises ValueError with a message of one line, which never contains a password.
        """
        try:
            return cls._parse(text)
        except ValueError as error:
            raise ValueError(f"{error}: {without_userinfo(text)!r}") from None

    @classmethod
    def _parse(cls, text: str) -> Endpoint:
        if not _VISIBLE.fullmatch(text):
            raise ValueError("an endpoint must be visible ASCII without spaces" if text else "an endpoint is missing")
        if unix := _UNIX.fullmatch(text):
            return cls._at_socket((unix[1] or "http").lower(), unix[2], unix[3] or "")
        match = _SCHEME.match(text)
        if not match and _HALF_A_SCHEME.match(text):
            raise ValueError("the scheme of an endpoint ends with ://, as in http://localhost:8080")
        scheme = match[1].lower() if match else "http"
        if scheme not in DEFAULT_PORTS:
            raise ValueError("the scheme of an endpoint must be http or https")
        authority, slash, path = text[match.end() if match else 0 :].partition("/")
        if "@" in authority:
            raise ValueError("an endpoint takes no user name or password")
        if "?" in authority + path or "#" in authority + path:
            raise ValueError("an endpoint has no query and no fragment")
        host, port = _host_and_port(authority)
        if not host or _PORT.fullmatch(text):
            raise ValueError("an endpoint needs a host, such as localhost:8080")
        number = DEFAULT_PORTS[scheme] if port is None else _port_number(port, lowest=1)
        # A request target starts with a slash, so the prefix must not end with one.
        return cls(scheme, host, number, (slash + path).removesuffix("/"))

    @classmethod
    def _at_socket(cls, scheme: str, path: str, prefix: str) -> Endpoint:
        if "?" in prefix or "#" in prefix:
            raise ValueError("an endpoint has no query and no fragment")
        return cls(scheme, "localhost", DEFAULT_PORTS[scheme], prefix.removesuffix("/"), _socket_path(path))

    def target(self, raw: str) -> str:
        """The request target for this upstream: the prefix and the client's target.

        Absolute-form becomes origin-form (RFC 9112 §3.2.2), and an empty path becomes `/`. `*` stands for the whole
        server (§3.2.4) and gets no prefix. An invalid target stays unchanged, after the prefix and a slash if there
        is a prefix. Never raises.
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
        if self.socket:
            scheme = "" if self.scheme == "http" else f"{self.scheme}://"
            return f"{scheme}unix:{self.socket}{':' if self.prefix else ''}{self.prefix}"
        return f"{self.scheme}://{self.authority}{self.prefix}"


@dataclass(frozen=True, slots=True)
class Listen:
    """An address to listen at. An empty `host` means all addresses, IPv4 and IPv6. Port 0 means any free port. With a
    `path` it is a Unix socket, without host and port."""

    host: str
    port: int
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> Listen:
        """Read `:port`, `host:port`, `[IPv6]:port` or `unix:/path`. Raises ValueError with a message of one line."""
        try:
            if text.startswith("unix:"):
                return cls("", 0, _socket_path(text[5:]))
            if scheme := _SCHEME.match(text):
                address = text[scheme.end() :].partition("/")[0]
                safe = "@" not in text and ":" in address
                raise ValueError(f"must be an address such as {address if safe else ':8888'}, not a URL")
            if text.startswith("*:"):
                raise ValueError("all addresses are :port, without the asterisk")
            host, port = _host_and_port(text)
            if port is None:
                example = f":{text}" if _PORT.fullmatch(text) else f"{text or 'localhost'}:8888"
                raise ValueError(
                    f"a listening address is :port, host:port or [IPv6]:port, or unix:/path, such as {example}"
                )
            return cls(host, _port_number(port, lowest=0))
        except ValueError as error:
            raise ValueError(f"{error}: {without_userinfo(text)!r}") from None

    def __str__(self) -> str:
        """The text that `parse` reads."""
        return f"unix:{self.path}" if self.path else f"{_bracketed(self.host)}:{self.port}"


def is_bracketed_list(text: str) -> bool:
    """Whether the text is a list in brackets, as `[x, y]`. `[::1]` is one address and not a list."""
    return bool(re.fullmatch(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]", text)) and not _is_ipv6(text[1:-1])


def origin_form(raw: str) -> str:
    """The request target without the scheme and authority of absolute-form (RFC 9112 §3.2.2). Never raises."""
    absolute = _ABSOLUTE.match(raw) if raw[:1] != "/" else None
    if absolute is None:
        return raw
    path = raw[absolute.end() :]
    return path if path.startswith("/") else "/" + path


def path_of(raw: str) -> str:
    """The path of a request target, without the query. It is not decoded."""
    return (raw if raw[:1] == "/" else origin_form(raw)).partition("?")[0]


def without_userinfo(text: str) -> str:
    """The text with `***` in place of a possible user name and password. It is safe to log.

    Everything between the scheme and the last `@` is replaced: a password that is not encoded may contain any
    character.
    """
    return _USERINFO.sub(r"\1***@", text)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _host_and_port(authority: str) -> tuple[str, str | None]:
    """The host without brackets, and the text after the colon, or None without a colon."""
    if authority.startswith("["):
        return _ipv6_and_port(authority)
    host, colon, port = authority.partition(":")
    if ":" in port:
        raise ValueError("write an IPv6 address in brackets")
    # The resolver raises UnicodeError, not OSError, for an empty or overlong label, so such a name is refused here.
    labels = host.removesuffix(".").split(".")
    if host and (len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels)):
        raise ValueError("the host is neither a name nor an address")
    return host, port if colon else None


def _ipv6_and_port(authority: str) -> tuple[str, str | None]:
    host, bracket, rest = authority[1:].partition("]")
    if not bracket or not _is_ipv6(host) or (rest and not rest.startswith(":")):
        raise ValueError("the text in brackets is not an IPv6 address")
    return host, rest[1:] if rest else None


def _is_ipv6(text: str) -> bool:
    """Whether the text is an IPv6 address without a zone. A zone has a meaning on one host only (RFC 6874 §1)."""
    try:
        return IPv6Address(text).scope_id is None
    except ValueError:
        return False


def _socket_path(text: str) -> str:
    """The path of a Unix socket (unix(7)). `///run/app.sock` of a URL is `/run/app.sock`."""
    if text.startswith("///"):
        text = text[2:]
    if not text.startswith("/") or text.endswith("/") or len(text.encode()) > _LONGEST_PATH or "\0" in text:
        raise ValueError(f"a Unix socket is unix: and an absolute path of at most {_LONGEST_PATH} bytes")
    return text


def _port_number(text: str, lowest: int) -> int:
    if not _PORT.fullmatch(text) or not lowest <= int(text) <= 65535:
        raise ValueError(f"a port is a number from {lowest} to 65535")
    return int(text)
