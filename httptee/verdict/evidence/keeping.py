"""Makes of a pair what may be kept: less of it, as `-verdict.keep` says, and without credentials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from httptee.compare import Difference, Outcome, Outline, Scalar
from httptee.http import Headers, Request, values
from httptee.verdict.court import Again, Pair
from httptee.verdict.evidence.bodies import masked_body
from httptee.verdict.evidence.chest import storable
from httptee.verdict.evidence.content import LIMIT, decoded
from httptee.verdict.evidence.masks import Masks
from httptee.verdict.evidence.stored import StoredAnswer, StoredPair, StoredRequest

KEEP = ("paths", "values", "full")
_MOST_DIFFERENCES = 200
_LONGEST_TEXT = 1000  # characters of a value, of a path, of a place


def kept(
    pair: Pair, found: Sequence[Difference], again: Again | None, keep: str, chapter: int, id_header: str = ""
) -> StoredPair:
    """The pair as it is stored. `id_header` is the field with the id of the request."""
    first = [_cut(one) for one in found[:_MOST_DIFFERENCES]]
    bare = StoredPair(
        number=pair.number,
        backend=pair.backend,
        chapter=chapter,
        route=pair.route,
        method=pair.request.method,
        at=pair.at,
        b_at=pair.b_at,
        a_seconds=pair.a_seconds,
        b_seconds=pair.b_seconds,
        keep=keep,
        found=tuple(Difference(one.key, None, None, "", one.times) for one in first),
        id=next(iter(values(pair.request.headers, id_header.lower())), "") if id_header else "",
    )
    if keep == "paths":
        return bare
    masks = Masks(_texts(pair, again, first))
    # The request and the answers are read even if they are not kept: they tell which values are credentials.
    request = _request(masks, pair.request)
    answers = [_answer(masks, one) for one in _outcomes(pair, again)]
    differences = [_difference(masks, one) for one in first]
    swept = tuple(_swept_difference(masks, one) for one in differences)
    part = replace(bare, found=swept, id=masks.sweep(bare.id))
    if keep == "values":
        return part
    a, b, *more = (_swept_answer(masks, one) for one in answers)
    full = replace(part, request=_swept_request(masks, request), a=a, b=b, names=dict(masks.names))
    if again is None:
        return full
    return replace(full, again_a=more[0], again_b=more[1], again_at=again.at, delayed=again.delayed)


def is_masked(raw: Difference, safe: Difference) -> bool:
    """Whether a value of the difference `raw` was replaced, wholly or in part, when it was kept as `safe`."""
    return (_short(raw.a), _short(raw.b)) != (safe.a, safe.b)


def _cut(one: Difference) -> Difference:
    key = storable(one.key)
    return Difference(key, _short(one.a), _short(one.b), one.place[:_LONGEST_TEXT], one.times)


def _short(value: Scalar) -> Scalar:
    if isinstance(value, str):
        return _like(value, value[:_LONGEST_TEXT])
    return value[:_LONGEST_TEXT] if isinstance(value, bytes) else value


def _like(value: Scalar, text: str) -> str:
    """The text as what `value` is: a string, or the outline of an object or a list."""
    return Outline(text) if isinstance(value, Outline) else text


def _outcomes(pair: Pair, again: Again | None) -> list[Outcome]:
    return [pair.a, pair.b, *((again.a, again.b) if again else ())]


def _texts(pair: Pair, again: Again | None, found: Sequence[Difference]) -> Iterator[str]:
    """All text of the pair that might hold `***` already."""
    outcomes = _outcomes(pair, again)
    fields = [*pair.request.headers, *(field for one in outcomes for field in one.headers)]
    yield pair.request.target
    yield from (value for _, value in fields)
    body = pair.request.body if isinstance(pair.request.body, bytes) else b""
    yield from (data.decode("latin-1") for data in (body, *(one.body or b"" for one in outcomes)) if b"***" in data)
    yield from (str(value) for one in found for value in (one.a, one.b))


def _headers(masks: Masks, headers: Headers) -> Headers:
    return [(name, masks.header(name, value)) for name, value in headers]


def _kind(headers: Headers) -> str:
    return next(iter(values(headers, "content-type")), "")


def _request(masks: Masks, request: Request) -> StoredRequest:
    headers, length = _headers(masks, request.headers), len(request.body)
    # The target after the fields: so the numbers start with the credentials that are seen most.
    target = masks.target(request.target)
    body = request.body if isinstance(request.body, bytes) and length <= LIMIT else None
    note = ""
    if body:
        content, coded = decoded(request.headers, body)
        masked = masked_body(masks, content, _kind(request.headers))
        if masked != content or not coded:
            # A body with a content coding is kept as it came, if there is no credential in it.
            body, note = masked, coded
    return StoredRequest(request.method, target, headers, body, length, request.scheme, note)


def _answer(masks: Masks, outcome: Outcome) -> StoredAnswer:
    headers, body, note = _headers(masks, outcome.headers), outcome.body, ""
    if body:
        body, note = decoded(outcome.headers, body)
        body = masked_body(masks, body, _kind(outcome.headers))
    length = outcome.length or len(outcome.body or b"")
    return StoredAnswer(outcome.status, headers, body, length, outcome.failure, note)


def _difference(masks: Masks, one: Difference) -> Difference:
    a, b = (_value(masks, one, value) for value in (one.a, one.b))
    return Difference(one.key, a, b, one.place, one.times)


def _value(masks: Masks, one: Difference, value: Scalar) -> Scalar:
    if value is None or isinstance(value, bool):
        return value
    latin = _latin(str(value) if not isinstance(value, bytes) else value)
    masked = masks.at(one.key.part, one.key.path, latin)
    if masked == latin and one.key.part == "body":
        masked = masked_body(masks, latin.encode("latin-1"), "").decode("latin-1")  # an object or a list as text
    return value if masked == latin else _back(value, masked)


def _swept_difference(masks: Masks, one: Difference) -> Difference:
    a, b = (_swept_value(masks, value) for value in (one.a, one.b))
    return Difference(one.key, a, b, one.place, one.times)


def _swept_value(masks: Masks, value: Scalar) -> Scalar:
    if value is None or isinstance(value, bool):
        return value
    latin = _latin(str(value) if not isinstance(value, bytes) else value)
    masked = masks.sweep(latin)
    return value if masked == latin else _back(value, masked)


def _latin(value: str | bytes) -> str:
    data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
    return data.decode("latin-1")


def _back(value: Scalar, masked: str) -> Scalar:
    data = masked.encode("latin-1")
    return data if isinstance(value, bytes) else _like(value, data.decode("utf-8", "replace"))


def _swept_request(masks: Masks, one: StoredRequest) -> StoredRequest:
    headers = [(name, masks.sweep(value)) for name, value in one.headers]
    body = one.body
    if body and not (values(one.headers, "content-encoding") and not one.note):
        body = masks.sweep(body.decode("latin-1")).encode("latin-1")
    return StoredRequest(one.method, masks.sweep(one.target), headers, body, one.length, one.scheme, one.note)


def _swept_answer(masks: Masks, one: StoredAnswer) -> StoredAnswer:
    headers = [(name, masks.sweep(value)) for name, value in one.headers]
    body = one.body and masks.sweep(one.body.decode("latin-1")).encode("latin-1")
    return StoredAnswer(one.status, headers, body, one.length, one.failure, one.note)
