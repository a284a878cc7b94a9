"""Two outcomes in: whether they are equal, quickly, or their differences."""

from __future__ import annotations

from httptee.compare.coding import MAX_DECODED, Undecodable, decoded
from httptee.compare.content import compare_bytes, compare_contents
from httptee.compare.difference import MAX_KEYS, Difference, Found
from httptee.compare.fields import alike, compare_fields, compare_lengths, values_of
from httptee.compare.outcome import Outcome

_CODING = "content-encoding"


def equal(a: Outcome, b: Outcome) -> bool:
    """Whether two outcomes have no differences: status, bytes of the body, fields but the volatile ones, or failure.

    It is quick and strict. Answers that are not equal here, such as one content in two codings or with other white
    space, may still have no `differences`.
    """
    if a.status != b.status or a.body != b.body or a.failure != b.failure:
        return False
    if a.body is None and (a.length != b.length or a.digest != b.digest):
        return False
    left, right = a.headers, b.headers
    if left == right or a.failure:
        return True
    if len(left) == len(right):
        for field, other in zip(left, right, strict=False):
            if field != other and (field[0] != other[0] or not alike(field[0].lower(), field[1], other[1])):
                break
        else:
            return True
    return _equal_fields(a, b)


def differences(a: Outcome, b: Outcome, limit: int = MAX_KEYS, max_decoded: int = MAX_DECODED) -> list[Difference]:
    """What differs between A's and B's outcome, one difference for each key; at most `limit`, and one for the rest.

    A body that is larger than `max_decoded` bytes once decoded is not looked into. If the statuses are of two classes,
    such as 200 and 500, fields and bodies are not compared: they differ as a consequence. Never raises.
    """
    found = Found(limit)
    if a.failure or b.failure:
        if a.failure != b.failure:
            found.add("outcome", "", "value", a.failure or str(a.status), b.failure or str(b.status))
        return found.all()
    if a.status != b.status:
        found.add("status", "", "value", a.status, b.status)
        if a.status // 100 != b.status // 100:
            return found.all()
    codings = values_of(a.headers, _CODING), values_of(b.headers, _CODING)
    if a.body is None or b.body is None:
        compare_fields(a.headers, b.headers, found)
        _compare_long(a, b, codings, found)
        return found.all()
    bodies = _decoded(a.body, codings[0], max_decoded), _decoded(b.body, codings[1], max_decoded)
    readable = isinstance(bodies[0], bytes) and isinstance(bodies[1], bytes)
    compare_fields(a.headers, b.headers, found, frozenset({_CODING}) if readable else frozenset())
    if not a.body and not b.body and codings[0] == codings[1]:
        compare_lengths(a.headers, b.headers, found)
    if a.body != b.body or codings[0] != codings[1]:
        _compare_bodies(a, b, bodies, found)
    return found.all()


def _equal_fields(a: Outcome, b: Outcome) -> bool:
    """The same for fields in another order, with other case or framing."""
    found = Found()
    compare_fields(a.headers, b.headers, found)
    if a.body == b"":
        compare_lengths(a.headers, b.headers, found)
    return not len(found)


def _decoded(body: bytes, codings: str, limit: int) -> bytes | str:
    """The content, or the reason why there is none."""
    try:
        return decoded(body, codings, limit)
    except Undecodable as error:
        return str(error)


def _compare_bodies(a: Outcome, b: Outcome, bodies: tuple[bytes | str, bytes | str], found: Found) -> None:
    first, second = bodies
    if isinstance(first, bytes) and isinstance(second, bytes):
        if first == second:
            return
        if not first or not second:
            found.add("body", "", "extra" if second else "missing", first or None, second or None)
            return
        compare_contents(first, second, (_type(a), _type(b)), found)
    elif isinstance(first, str) and isinstance(second, str):
        compare_bytes(a.body or b"", b.body or b"", found)
    else:
        texts = [
            (_type(outcome) or "readable") if isinstance(body, bytes) else body
            for outcome, body in ((a, first), (b, second))
        ]
        found.add("body", "", "undecodable", *texts)


def _compare_long(a: Outcome, b: Outcome, codings: tuple[str, str], found: Found) -> None:
    """By length and digest. That says nothing about contents in two codings; then the coding is the difference."""
    if codings[0] != codings[1]:
        return
    first, second = (outcome.length if outcome.body is None else len(outcome.body) for outcome in (a, b))
    if first != second:
        found.add("body", "", "length", first, second)
    elif a.body is None and b.body is None and a.digest != b.digest:
        found.add("body", "", "value", a.digest.hex(), b.digest.hex())


def _type(outcome: Outcome) -> str:
    return values_of(outcome.headers, "content-type")
