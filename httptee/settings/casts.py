"""Casts: from the text of an option to its value. Each cast raises ValueError with its rule."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cache, partial
from importlib.util import find_spec
from math import inf

from httptee.http import Listen
from httptee.http.peers import Proxies
from httptee.journal.engines import is_engine_address, open_engine, parse_address

WORKERS_PER_CORE = 16
SPOOL_AMBIGUOUS = ("retry", "idempotent", "never")
SPOOL_FSYNC = ("1s", "always", "never")
SPOOL_FULL = ("oldest", "newest")
_NAMED = re.compile(r"(header|query):([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128})")
_MOST_MILLISECONDS, _MOST_BYTES, _MOST_OF_ANYTHING = 2**31 - 1, 2**63 - 1, 1_000_000
# What Go's strconv.ParseBool accepts, in any case, and the words of other programs' files.
_TRUE = ("1", "t", "true", "y", "yes", "on")
_FALSE = ("0", "f", "false", "n", "no", "off")
_NUMBER = r"[+-]?(?:[0-9]{1,20}\.?[0-9]{0,20}|\.[0-9]{1,20})"
_TIMES = {"": 1, "ms": 1, "s": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000}
# Fields whose value means something to HTTP, to a proxy or to a trace, so no id may replace it.
_NOT_FOR_IDS = {
    *("host", "via", "expect", "upgrade", "connection", "keep-alive", "proxy-connection", "te", "trailer"),
    *("content-length", "content-type", "content-encoding", "transfer-encoding", "date", "range", "max-forwards"),
    *("authorization", "proxy-authorization", "cookie", "accept", "accept-encoding", "user-agent", "referer"),
    *("x-forwarded-for", "forwarded", "traceparent", "tracestate"),
}
_LONGEST_SOCKET_PATH = 107
_SIZES = {"": 1, "B": 1, "b": 1} | {
    letter + rest: 1024**power
    for power, letters in enumerate(("kK", "mM", "gG", "tT"), start=1)
    for letter in letters
    for rest in ("", "b", "B", "iB")
}


@cache
def usable_cores() -> int:
    """The number of cores that this process may run on at its start, before it pins itself to one of them."""
    return len(os.sched_getaffinity(0))


def default_workers() -> int:
    """Shadow threads for each B. They mostly wait, so there are many more of them than cores."""
    return WORKERS_PER_CORE * usable_cores()


def boolean(text: str) -> bool:
    """A boolean as Go's flag package reads it, or yes, no, on or off."""
    word = text.lower()
    if word not in _TRUE + _FALSE:
        raise ValueError(f"must be true or false (or yes, no, on, off): {text!r}")
    return word in _TRUE


def is_boolean(text: str) -> bool:
    """Whether `boolean` accepts the text."""
    return text.lower() in _TRUE + _FALSE


def _whole(text: str, lowest: int, highest: int) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,20}", text) or not lowest <= int(text) <= highest:
        raise ValueError(f"must be a whole number from {lowest} to {highest}: {text!r}")
    return int(text)


count = partial(_whole, lowest=1, highest=_MOST_OF_ANYTHING)
count_or_none = partial(_whole, lowest=0, highest=_MOST_OF_ANYTHING)


def _with_unit(text: str, units: Mapping[str, int]) -> Fraction | None:
    """The number times its unit; None if the text is something else."""
    parts = re.fullmatch(rf"({_NUMBER}) ?([A-Za-z]*)", text)
    unit = units.get(parts[2]) if parts else None
    return None if parts is None or unit is None else Fraction(parts[1]) * unit


def _times(text: str, lowest: int) -> float:
    found = _with_unit(text, _TIMES)
    if found is None or found.denominator != 1 or not lowest <= found <= _MOST_MILLISECONDS:
        raise ValueError(
            f"must be a whole number of milliseconds from {lowest} to {_MOST_MILLISECONDS}, "
            f"or a time such as 250ms, 2.5s or 1m: {text!r}"
        )
    return int(found) / 1000


def _bytes(text: str, lowest: int, highest: int) -> int:
    found = _with_unit(text, _SIZES)
    if found is None or found.denominator != 1 or not lowest <= found <= highest:
        raise ValueError(
            f"must be a whole number of bytes from {lowest} to {highest}, or a size such as 64k or 1.5MB: {text!r}"
        )
    return int(found)


# Bytes, from a text in bytes or with a unit: k, M, G or T, alone or with B or iB, are powers of 1024.
size = partial(_bytes, lowest=0, highest=_MOST_BYTES)
kept_size = partial(_bytes, lowest=1, highest=2**20)  # a pair has room for two of them
head_size = partial(_bytes, lowest=1024, highest=2**30)


def milliseconds(text: str) -> float:
    """Seconds, from a text in milliseconds or with a unit."""
    return _times(text, 1)


def milliseconds_or_off(text: str) -> float:
    """Seconds, from a text in milliseconds or with a unit. 0 and `off` mean off."""
    return 0.0 if text == "off" else _times(text, 0)


def milliseconds_or_no_limit(text: str) -> float:
    """Seconds, from a text in milliseconds or with a unit. `off` means no limit: infinity."""
    return inf if text == "off" else milliseconds(text)


def or_auto(text: str, automatic: Callable[[], int]) -> int:
    """A count, or the result of `automatic` for `auto` and 0."""
    return (0 if text == "auto" else count_or_none(text)) or automatic()


def count_or_auto(text: str) -> int | None:
    """A count, which may be 0. None for `auto`."""
    return None if text == "auto" else count_or_none(text)


def percent(text: str) -> float:
    """A percentage from 0 to 100. Fractions are allowed, and a percent sign at the end."""
    number = text.removesuffix("%")
    if (
        not re.fullmatch(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", number)
        or not 0 <= float(number) <= 100
    ):
        raise ValueError(f"must be a number from 0 to 100: {text!r}")
    return float(number)


def one_of(text: str, words: tuple[str, ...]) -> str:
    """One of these words."""
    if text not in words:
        raise ValueError(f"must be {' or '.join(words)}: {text!r}")
    return text


def compression(text: str) -> str:
    """How files are compressed: off or zstd, for which a library must be there."""
    if one_of(text, ("off", "zstd")) == "zstd" and find_spec("zstandard") is None:
        raise ValueError("zstd needs the extra zstd: the library zstandard is not installed")
    return text


def secret_name(text: str) -> str:
    """The name of something secret: of a header field, a parameter or a key."""
    if not re.fullmatch(r"[^\s,;=\"']{1,64}", text):
        raise ValueError(f"must be a name of at most 64 characters, without spaces, commas and quotes: {text!r}")
    return text


def field_name(text: str) -> str:
    """The name of a header field (RFC 9110 §5.1), or the empty text."""
    if not re.fullmatch(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]*", text):
        raise ValueError(f"must be the name of a header field: {text!r}")
    return text


def id_field_name(text: str) -> str:
    """The name of a header field that may be set to an id, or the empty text."""
    if text.lower().replace("_", "-") in _NOT_FOR_IDS:
        raise ValueError(f"must be a header field that the tee may set to an id, such as X-Request-Id: {text!r}")
    return field_name(text)


def socket_path(text: str) -> str:
    """The path of a Unix socket, or the empty text. The kernel takes 107 bytes (unix(7))."""
    length = len(text.encode("utf-8", "surrogateescape"))
    if length > _LONGEST_SOCKET_PATH or "\0" in text or text.endswith("/"):
        raise ValueError(f"must be the path of a file, of at most {_LONGEST_SOCKET_PATH} bytes: {text!r}")
    return text


def file_mode(text: str) -> str:
    """The permissions of a file, in octal."""
    if not re.fullmatch(r"0?[0-7]{3}", text):
        raise ValueError(f"must be permissions in octal, such as 660: {text!r}")
    return text


def proxy_version(text: str) -> str:
    """The version of a PROXY preamble, `v1` or `v2`, or the empty text for `off`."""
    return "" if text == "off" else one_of(text, ("off", "v1", "v2"))


def proxies_or_none(text: str) -> Proxies | None:
    """Addresses and networks of proxies, or None for the empty text."""
    return Proxies.parse(text) if text else None


def path_or_none(text: str) -> str:
    """A request target in origin-form (RFC 9112 §3.2.1), or the empty text."""
    if text and not re.fullmatch(r"/[!-~]*", text):
        raise ValueError(f"must be a path that starts with a slash, in visible ASCII: {text!r}")
    return text


def listen_or_none(text: str) -> Listen | None:
    """An address to listen on, or None for the empty text."""
    return Listen.parse(text) if text else None


def lane_name(text: str) -> str:
    """What clones keep the order with."""
    if text not in ("connection", "client", "all") and not _NAMED.fullmatch(text):
        raise ValueError(f"must be connection, client, header:NAME, query:NAME or all: {text!r}")
    return text


def free_percent(text: str) -> float:
    """A percentage of a disk, below 100."""
    found = percent(text)
    if found >= 100:
        raise ValueError(f"must be less than 100: {text!r}")
    return found


def spool_place(text: str) -> str:
    """A directory, the address of an engine whose library is there, or the empty text for `off`."""
    if is_engine_address(text):
        open_engine(text).close()
    return "" if text == "off" else text


def rates_address(text: str) -> str:
    """The address of a topic in Redis as it is, or the empty text. Raises ValueError."""
    if text and parse_address(text).scheme == "kafka":
        raise ValueError("must be the address of a Redis server, redis://HOST/TOPIC: Kafka cannot share a rate")
    return text
