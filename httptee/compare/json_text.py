"""JSON read without loss: orjson where it is exact, the standard library where it is not.

orjson makes a float of an integer that needs more than 64 bits, and refuses NaN, lone surrogates and a byte order mark.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson

from httptee.compare.coding import Undecodable

# Integers beyond 64 bits, and fractions with more digits than a double holds.
_INEXACT = re.compile(rb"-[0-9]{19}|[0-9][0-9.]{19}")
# A number of 19 characters shows as four in a row in each fourth byte. To look at those first is 50 times faster.
_STEP, _RUN = 4, b"0000"
_DIGITS = bytes(ord("0") if byte in b"0123456789." else ord(" ") for byte in range(256))
_LARGE, _MAX_VALUES = 1 << 18, 500_000
_MAX_DIGITS = 4000  # int() refuses more than 4,300
_REASON = re.compile(r": line .*", re.DOTALL)

Dumps = Callable[[Any], bytes]


class Number(str):
    """A number that no number type holds exactly, as it was written."""

    __slots__ = ()


def is_inexact(body: bytes) -> bool:
    """Whether the body may hold a number that orjson would round."""
    digits = body[::_STEP].translate(_DIGITS) + b" "
    start = digits.find(_RUN)
    while start >= 0:
        end = digits.find(b" ", start)
        if _INEXACT.search(body, max(0, _STEP * (start - 1)), _STEP * (end + 1)):
            return True
        start = digits.find(_RUN, end)
    return False


def parse(body: bytes, exact: bool = False) -> tuple[Any, bool]:
    """The value of a body, and whether it was read exactly: then fractions are Decimal, and NaN is a `Number`.

    Raises `Undecodable`.
    """
    if len(body) > _LARGE and body.count(b",") + body.count(b"[") + body.count(b"{") > _MAX_VALUES:
        raise Undecodable(f"over {_MAX_VALUES} values")
    if not exact:
        try:
            return orjson.loads(body), False
        except orjson.JSONDecodeError as error:
            if "limit" in error.msg:  # of depth; the standard library's depends on its version
                raise Undecodable("nested too deeply") from None
    return _exact(body), True


def parse_lines(body: bytes, exact: bool = False) -> tuple[list[Any], bool]:
    """The value of each line that is not blank, as `parse`. A record separator (RFC 7464) may stand before each."""
    lines = [line for line in body.split(b"\n") if line.strip(b" \t\r\x1e")]
    if len(lines) > _MAX_VALUES:
        raise Undecodable(f"over {_MAX_VALUES} lines")
    values: list[Any] = []
    for number, line in enumerate(lines, 1):
        try:
            value, was_exact = parse(line.strip(b"\x1e"), exact)
        except Undecodable as error:
            raise Undecodable(f"line {number}: {error}") from None
        if was_exact and not exact:
            return parse_lines(body, exact=True)
        values.append(value)
    return values, exact


def dumps(value: Any) -> bytes:
    """The value with its members sorted. Raises TypeError or ValueError for what orjson cannot write."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def exact_dumps(value: Any) -> bytes:
    """The same for values that were read exactly. Raises ValueError or RecursionError."""
    return json.dumps(value, sort_keys=True, default=repr).encode("utf-8")


def repeated_member(body: bytes, value: Any) -> str:
    """The name of a member that occurs twice in one object (RFC 8259 §4), or an empty text. `value`: what was read."""
    try:
        if orjson.dumps(value).count(b":") == body.count(b":") and b"\\u003" not in body:
            return ""
        json.loads(body, object_pairs_hook=_once)
    except _Repeated as repeated:
        return str(repeated)
    except (ValueError, TypeError, RecursionError):
        pass
    return ""


def _exact(body: bytes) -> Any:
    try:
        text = body.decode("utf-8-sig")
        return json.loads(text, parse_float=_fraction, parse_int=_integer, parse_constant=Number)
    except UnicodeDecodeError as error:
        raise Undecodable(f"not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise Undecodable(f"not JSON at character {error.pos}: {error.msg}") from None
    except RecursionError:
        raise Undecodable("nested too deeply") from None


def _integer(text: str) -> int | Number:
    return int(text) if len(text) <= _MAX_DIGITS else Number(text)


def _fraction(text: str) -> Decimal | Number:
    try:
        return Decimal(text)
    except ArithmeticError:  # an exponent beyond all bounds
        return Number(text)


class _Repeated(Exception):
    """Two members of one object have the same name."""


def _once(members: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in members:
        if name in seen:
            raise _Repeated(name)
        seen.add(name)
