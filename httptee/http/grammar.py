"""The grammar of requests where another reader could understand something else: Host, request target, lists, codings.

A value outside the grammar is refused and never repaired: the next server might repair it in another way. All text is
latin-1, so U+00A0 and the like are ordinary bytes here. White space is SP and HTAB only (RFC 9110 §5.6.3).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv6Address

from httptee.errors import BadRequest, ConnectRefused, ExpectationFailed, NotImplementedCoding, VersionNotSupported

_TCHAR = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
TOKEN = rf"{_TCHAR}+"

# RFC 3986 §3.2.2: reg-name, which includes IPv4, or an IP literal; §3.2.3: a port is any number of digits. A port
# without a host belongs to no http URI (RFC 9110 §4.2.1).
_CHARACTER = r"[A-Za-z0-9\-._~!$&'()*+,;=]"
_NAME = re.compile(rf"(?!:){_CHARACTER}*(?:%[0-9A-Fa-f]{{2}}{_CHARACTER}*)*(?::[0-9]*)?")
_LITERAL = re.compile(rf"\[(?:([0-9A-Fa-f:.]+)|[Vv][0-9A-Fa-f]+\.(?:{_CHARACTER}|:)+)\](?::[0-9]*)?")

# Bytes outside the URI grammar, such as `|` or `é`, are forwarded: A decides about them. White space and control
# characters would break the request line. A target has no fragment (RFC 9112 §3.2): `#` (0x23) is refused.
_IN_TARGET = r"[!-\x22$-~\x80-\xff]"
_ORIGIN_FORM = re.compile(rf"/{_IN_TARGET}*")
_ABSOLUTE_FORM = re.compile(rf"[Hh][Tt][Tt][Pp][Ss]?://([^/?#]*)({_IN_TARGET}*)")

REQUEST_LINE = rf"({TOKEN}) ({_IN_TARGET}+) HTTP/(\d\.\d)\r\n"
"""The pattern of a request line: method, target, version. The forms of a target are for `read_target`."""

_LINE = re.compile(REQUEST_LINE.encode())
# The first byte of a method. A CR alone may be the start of an empty line, which is skipped.
_BEGINNING = re.compile(rf"{_TCHAR}|\r?\Z".encode())
BAD_HEAD = "the request line or a header field breaks the grammar of RFC 9112"


def check_start(head: bytearray, has_line: bool) -> None:
    """Raise the refusal for the first byte of a head that is not whole, or for its request line if it `has_line`."""
    if not _BEGINNING.match(head):
        raise BadRequest(BAD_HEAD)
    if has_line:
        line = _LINE.match(head)
        if line is None:
            raise BadRequest(BAD_HEAD)
        method, target, version = (part.decode("latin-1") for part in line.groups())
        read_version(version)
        read_target(method, target)


def read_version(version: str) -> str:
    """Read a later minor version as the highest known one (RFC 9110 §2.5). Refuse other major versions."""
    if version in ("1.1", "1.0"):
        return version
    if not version.startswith("1."):
        raise VersionNotSupported(f"HTTP/{version} is not supported")
    return "1.1"


def listed(value: str) -> list[str]:
    """The elements of a comma-separated list (RFC 9110 §5.6.1), without the white space around them."""
    return [element.strip(" \t") for element in value.split(",")]


def is_authority(text: str) -> bool:
    """Whether the text is `uri-host [":" port]`, as Host has it (RFC 9110 §7.2). It may be empty."""
    if _NAME.fullmatch(text):
        return True
    literal = _LITERAL.fullmatch(text)
    if literal is None or literal[1] is None:
        return literal is not None
    try:
        IPv6Address(literal[1])
    except ValueError:
        return False
    return True


def check_hosts(values: Sequence[str], *, required: bool) -> None:
    """Raise BadRequest unless there is one Host with a valid value, or none if it is not `required` (RFC 9112 §3.2)."""
    if len(values) != 1:
        if values or required:
            raise BadRequest("a request has exactly one Host field (RFC 9112 section 3.2)")
    elif not is_authority(values[0]):
        raise BadRequest("the value of Host is neither a host nor empty (RFC 9112 section 3.2)")


def read_target(method: str, raw: str) -> tuple[str, str | None]:
    """The target for an origin server, and the authority if `raw` is in absolute-form.

    Absolute-form becomes origin-form; for OPTIONS without a path it becomes `*` (RFC 9112 §3.2). Nothing is decoded.
    Raises BadRequest, and ConnectRefused for CONNECT.
    """
    if method == "CONNECT":
        raise ConnectRefused("CONNECT is not supported")
    if _ORIGIN_FORM.fullmatch(raw):
        return raw, None
    if raw == "*" and method == "OPTIONS":
        return raw, None
    absolute = _ABSOLUTE_FORM.fullmatch(raw)
    # RFC 9110 §4.2.1 and §4.2.4: an http URI without a host, or with user information, is refused.
    if absolute is None or not absolute[1] or not is_authority(absolute[1]):
        raise BadRequest("the request target is invalid (RFC 9112 section 3.2)")
    path = absolute[2]
    if path.startswith("/"):
        return path, absolute[1]
    return "*" if method == "OPTIONS" and not path else "/" + path, absolute[1]


def expects_continue(value: str) -> bool:
    """Whether a value of Expect is `100-continue`, and not empty (RFC 9110 §10.1.1). Raises ExpectationFailed.

    An expectation ends at the tee. One that the tee does not meet cannot be dropped in silence.
    """
    expected = {element for element in listed(value.lower()) if element}
    if expected - {"100-continue"}:
        raise ExpectationFailed("the only supported expectation is 100-continue")
    return bool(expected)


def check_content(method: str) -> None:
    """Raise BadRequest if a request with this method must not have content (RFC 9110 §9.3.8)."""
    if method == "TRACE":
        raise BadRequest("a TRACE request has no content (RFC 9110 section 9.3.8)")


def read_length(values: Sequence[str]) -> int:
    """The value of the Content-Length fields. Raises BadRequest unless they are one number of less than 20 digits."""
    length = values[0]
    if len(values) > 1 or not (length.isascii() and length.isdigit() and len(length) < 20):
        raise BadRequest("Content-Length is not one number")
    return int(length)


def check_codings(values: Sequence[str]) -> None:
    """Raise unless the Transfer-Encoding fields of a request are one `chunked` (RFC 9112 §6.1, §6.3).

    BadRequest if the end of the body is uncertain: chunked is missing, not the last coding, or applied twice.
    NotImplementedCoding if it is certain, but there is another coding.
    """
    if len(values) == 1 and values[0].lower() == "chunked":
        return
    codings = [coding.lower() for value in values for coding in listed(value)]
    if "" in codings or codings[-1] != "chunked" or codings.count("chunked") > 1:
        raise BadRequest("the last transfer coding of a request is one chunked (RFC 9112 section 6.3)")
    raise NotImplementedCoding("the only supported transfer coding is one chunked")
