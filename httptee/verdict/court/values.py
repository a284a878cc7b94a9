"""What single values look like: their shape, the point in time that they name, and their number.

Shapes are never enough to call a field noise: they only say what A has never shown, and what to ask again later.
"""

from __future__ import annotations

import re
from calendar import timegm
from datetime import datetime
from email.utils import parsedate_tz
from zlib import crc32

from httptee.compare import Outline, Scalar

STAMP = "a stamp"
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)? ?(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE
)
_HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, \d\d[ -][A-Z][a-z]{2}[ -]\d{2,4} \d\d:\d\d:\d\d .{1,5}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_HEX = re.compile(r"[0-9a-f]{8,}", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?")
_TOKEN = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w+/=.~-]{16,}")
_WORD = re.compile(r"[^\W\d_]+")
_UNITS = (1.0, 1e3, 1e6, 1e9)  # numbers that are stamps count seconds, or smaller parts of them
_NEAR = 5 * 366 * 86400.0  # seconds from now within which a number is held to be a stamp
_LONGEST = 400


def shape(value: Scalar, now: float) -> str:
    """What a value looks like, in words. `now` is in seconds since the epoch: a number near it is a stamp."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        if _unit(float(value), now):
            return STAMP
        return "a whole number" if isinstance(value, int) else "a number"
    if isinstance(value, bytes):
        return "bytes"
    return _shape_of_text(_unquoted(value), now)


def looks_volatile(value: Scalar, now: float) -> bool:
    """Whether a server may well make such a value anew from time to time: a stamp, hash, uuid or token."""
    return shape(value, now) in (STAMP, "a uuid", "a token") or (
        isinstance(value, str) and len(_unquoted(value)) >= 16 and bool(_HEX.fullmatch(_unquoted(value)))
    )


def stamp(value: Scalar, now: float) -> float | None:
    """The point in time that a value names, in seconds since the epoch, or None. Without a time zone it is UTC."""
    if isinstance(value, bool) or value is None or isinstance(value, bytes):
        return None
    if isinstance(value, str):
        text = _unquoted(value)
        found = _from_text(text) if len(text) <= 40 else None
        if found is not None or not _NUMBER.fullmatch(text):
            return found
        value = float(text)
    unit = _unit(float(value), now)
    return value / unit if unit else None


def number(value: Scalar, now: float) -> float | None:
    """The value as a number, also where a text holds one; None for anything else, and for a stamp."""
    if isinstance(value, bool) or value is None or isinstance(value, bytes):
        return None
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return None
    found = float(value)
    return None if _unit(found, now) else found


def digest(value: Scalar) -> int:
    """A small number for a value and its type. Two values have the same one with a chance of 1 in 4 billion."""
    return crc32(f"{type(value).__name__} {value!r}".encode("utf-8", "surrogatepass"))


def text(value: Scalar, longest: int = 120) -> str:
    """A value as a person reads it, at most so many characters."""
    if isinstance(value, Outline):
        shown = str(value)
    elif isinstance(value, (str, bytes)):
        shown = repr(value)
    elif value is None or isinstance(value, bool):
        shown = {None: "null", True: "true", False: "false"}[value]
    else:
        shown = str(value)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def _unquoted(value: str) -> str:
    """Without what an entity tag has around it (RFC 9110 §8.8.3)."""
    value = value[:_LONGEST].strip()
    return value.removeprefix("W/").strip('"')


def _shape_of_text(value: str, now: float) -> str:
    if not value:
        return "empty"
    if _UUID.fullmatch(value):
        return "a uuid"
    if _NUMBER.fullmatch(value):
        return STAMP if _unit(float(value), now) else "a number as text"
    if len(value) <= 40 and _from_text(value) is not None:
        return STAMP
    if _DAY.fullmatch(value):
        return "a day"
    if _HEX.fullmatch(value):
        return f"{len(value)} hexadecimal digits"
    if _TOKEN.fullmatch(value):
        return "a token"
    if _WORD.fullmatch(value):
        return "a word"
    return "a text with spaces" if re.search(r"\s", value) else "a text"


def _from_text(value: str) -> float | None:
    if found := _ISO.fullmatch(value):
        return _from_iso(found)
    if _HTTP_DATE.fullmatch(value) and (parsed := parsedate_tz(value)):
        return timegm((*parsed[:6], 0, 1, 0)) - (parsed[9] or 0)
    return None


def _from_iso(found: re.Match[str]) -> float | None:
    *numbers, fraction, zone = found.groups()
    try:
        naive = datetime(*(int(each or 0) for each in numbers))  # type: ignore[arg-type]
    except ValueError:  # a month 13
        return None
    seconds = timegm(naive.timetuple()) + float(f"0.{fraction or 0}")
    if zone and zone not in "Zz":
        offset = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
        seconds += offset if zone[0] == "-" else -offset
    return seconds


def _unit(value: float, now: float) -> float:
    """How many of the number's units a second has, if it is a stamp near now; else 0."""
    for unit in _UNITS:
        if abs(value / unit - now) < _NEAR:
            return unit
    return 0.0
