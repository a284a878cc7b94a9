"""One mismatch side by side: the request, what differs, and both answers with the difference marked."""

from __future__ import annotations

import difflib
import time
from collections.abc import Iterator, Sequence

from httptee.http import values
from httptee.verdict.display.indent import indented
from httptee.verdict.display.style import Style, columns, cut, harmless, padded, seconds
from httptee.verdict.evidence import StoredAnswer, StoredPair, StoredRequest, as_text

_LINES = 2000  # of one answer: aligning takes time with the square of it
_LONGEST = 4000  # characters of a line
_CONTEXT = 3
_WHOLE = 60  # lines; a longer answer is shown around its differences only
_DIFFERENCES = 30
_BODY = 40  # lines of the request's body

_Code = tuple[str, int, int, int, int]


def side_by_side(pair: StoredPair, style: Style) -> str:
    """The pair as text. Of a pair without answers, only the differences."""
    return "\n".join(_lines(pair, style)) + "\n"


def _lines(pair: StoredPair, style: Style) -> Iterator[str]:
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(pair.at))
    title = f"pair {pair.number}  B {harmless(pair.backend)}  {harmless(pair.route)}"
    yield style(title, "bold")
    if pair.id:
        yield style(f"id {harmless(pair.id)}", "dim")
    yield style(f"{at}, chapter {pair.chapter}, A {seconds(pair.a_seconds)}, B {seconds(pair.b_seconds)}", "dim")
    if pair.request is not None:
        yield from _request(pair.request, style)
    yield ""
    yield from _differences(pair, style)
    if pair.a is not None and pair.b is not None:
        yield ""
        yield from _answers(pair.a, pair.b, style)
        yield from _again(pair)
    else:
        yield style(f"Only the {pair.keep} are kept (-verdict.keep).", "dim")


def _request(request: StoredRequest, style: Style) -> Iterator[str]:
    yield ""
    yield f"{harmless(request.method)} {harmless(request.target)}"
    yield from (f"{harmless(name)}: {harmless(value)}" for name, value in request.headers)
    if request.length:
        yield ""
        if request.body is None:
            yield style(f"a body of {request.length:,} bytes, too long to be kept", "dim")
        else:
            body = body_lines(request.body, next(iter(values(request.headers, "content-type")), ""))
            yield from (harmless(line[:_LONGEST]) for line in body[:_BODY])
            if len(body) > _BODY:
                yield style(f"and {len(body) - _BODY} more lines", "dim")


def _differences(pair: StoredPair, style: Style) -> Iterator[str]:
    for one in pair.found[:_DIFFERENCES]:
        where = " ".join(filter(None, (one.key.part, harmless(one.place or one.key.path))))
        times = f" ({one.times} times)" if one.times > 1 else ""
        said = ""
        if pair.keep != "paths":
            width = max(16, (style.width - columns(where) - 24) // 2)
            a = "-" if one.key.kind == "extra" else cut(harmless(as_text(one.a)), width)
            b = "-" if one.key.kind == "missing" else cut(harmless(as_text(one.b)), width)
            said = f"  A {a}  B {b}"
        yield f"{style(one.key.kind, 'red')} {where}{said}{style(times, 'dim')}"
    if len(pair.found) > _DIFFERENCES:
        yield style(f"and {len(pair.found) - _DIFFERENCES} more differences", "dim")


def _answers(a: StoredAnswer, b: StoredAnswer, style: Style) -> Iterator[str]:
    width = (style.width - 3) // 2
    yield style(f"{padded('A', width)}   B", "bold")
    left, right = _answer_lines(a), _answer_lines(b)
    whole = max(len(left), len(right)) <= _WHOLE
    matcher = difflib.SequenceMatcher(None, left, right)
    groups: list[Sequence[_Code]] = [matcher.get_opcodes()]
    if not whole:
        groups = list(matcher.get_grouped_opcodes(_CONTEXT))
    for number, group in enumerate(groups):
        if number or group[0][1] or group[0][3]:
            yield style("…", "dim")
        for _, start, end, b_start, b_end in group:
            yield from _block(left[start:end], right[b_start:b_end], width, style)


def _block(left: list[str], right: list[str], width: int, style: Style) -> Iterator[str]:
    for index in range(max(len(left), len(right))):
        a = left[index] if index < len(left) else None
        b = right[index] if index < len(right) else None
        if a == b:
            shown = padded(a or "", width)
            yield f"{shown}   {cut(b or '', width)}".rstrip()
        elif a is None or b is None:
            sign = "<" if b is None else ">"
            yield f"{style(padded(a or '', width), 'red')} {sign} {style(cut(b or '', width), 'green')}".rstrip()
        else:
            yield f"{_marked(a, b, width, 'red', style)} | {_marked(b, a, width, 'green', style, fill=False)}".rstrip()


def _marked(line: str, other: str, width: int, color: str, style: Style, fill: bool = True) -> str:
    """A line with the part marked that the other one lacks, and moved to the left until that part is in sight."""
    start = next((at for at, (x, y) in enumerate(zip(line, other, strict=False)) if x != y), min(len(line), len(other)))
    same = 0
    while same < min(len(line), len(other)) - start and line[-1 - same] == other[-1 - same]:
        same += 1
    end = len(line) - same
    if end > width and start > width // 3:
        moved = start - width // 3
        line, start, end = "…" + line[moved + 1 :], start - moved, end - moved
    shown = padded(line, width) if fill else cut(line, width)
    start, end = min(start, len(shown)), min(end, len(shown))
    return style(shown[:start], color) + style(shown[start:end], color, "reverse") + style(shown[end:], color)


def _again(pair: StoredPair) -> Iterator[str]:
    if pair.again_a is None or pair.again_b is None:
        return
    later = pair.again_at - pair.at
    a = "as A before" if _same(pair.again_a, pair.a) else "unlike A before"
    b = "as B before" if _same(pair.again_b, pair.b) else "unlike B before"
    also = ", as A now" if _same(pair.again_b, pair.again_a) else ""
    yield ""
    yield f"asked again after {seconds(max(later, 0.0))}: A answered {a}, B answered {b}{also}"


def _same(one: StoredAnswer, other: StoredAnswer | None) -> bool:
    return other is not None and (one.status, one.body, one.failure) == (other.status, other.body, other.failure)


def _answer_lines(answer: StoredAnswer) -> list[str]:
    if not answer.status:
        return [f"no answer: {harmless(answer.failure)}"]
    lines = [str(answer.status)]
    lines += sorted((f"{name}: {value}" for name, value in answer.headers), key=str.lower)
    lines += [f"({answer.note})"] if answer.note else []
    lines.append("")
    if answer.body is None:
        lines.append(f"a body of {answer.length:,} bytes, too long to be kept")
    else:
        lines += body_lines(answer.body, next(iter(values(answer.headers, "content-type")), ""))
    return [harmless(line[:_LONGEST]) for line in lines[:_LINES]]


def body_lines(body: bytes, kind: str) -> list[str]:
    """The body as lines of text: JSON spread over lines, and what is no text as hexadecimal numbers."""
    try:
        text = body.decode("latin-1" if "8859-1" in kind else "utf-8")
    except UnicodeDecodeError:
        return [f"{at:06x}  {body[at : at + 16].hex(' ')}" for at in range(0, min(len(body), 16 * _LINES), 16)]
    if text.lstrip()[:1] in ("{", "["):
        text = indented(text)
    return text.replace("\t", "    ").splitlines()
