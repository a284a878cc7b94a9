"""One mismatch side by side: the request, what differs, and both answers with the difference marked."""

from __future__ import annotations

import time
from collections.abc import Iterator

from httptee.http import values
from httptee.verdict.display.aligned import LONGEST, Row, Span, again, aligned, body_lines
from httptee.verdict.display.style import Style, columns, cut, harmless, padded, seconds
from httptee.verdict.evidence import StoredAnswer, StoredPair, StoredRequest, as_text

_DIFFERENCES = 30
_BODY = 40  # lines of the request's body


def side_by_side(pair: StoredPair, style: Style) -> str:
    """The pair as text. Of a pair without answers, only the differences."""
    return "\n".join(_lines(pair, style)) + "\n"


def request_lines(request: StoredRequest) -> tuple[list[str], str]:
    """The request line, its header fields and the body, as lines; and a remark about what is not shown."""
    lines = [f"{harmless(request.method)} {harmless(request.target)}"]
    lines += [f"{harmless(name)}: {harmless(value)}" for name, value in request.headers]
    if not request.length:
        return lines, ""
    lines.append("")
    if request.body is None:
        return lines, f"a body of {request.length:,} bytes, too long to be kept"
    body = body_lines(request.body, next(iter(values(request.headers, "content-type")), ""))
    lines += [harmless(line[:LONGEST]) for line in body[:_BODY]]
    return lines, f"and {len(body) - _BODY} more lines" if len(body) > _BODY else ""


def _lines(pair: StoredPair, style: Style) -> Iterator[str]:
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(pair.at))
    title = f"pair {pair.number}  B {harmless(pair.backend)}  {harmless(pair.route)}"
    yield style(title, "bold")
    if pair.id:
        yield style(f"id {harmless(pair.id)}", "dim")
    yield style(f"{at}, chapter {pair.chapter}, A {seconds(pair.a_seconds)}, B {seconds(pair.b_seconds)}", "dim")
    if pair.request is not None:
        yield ""
        lines, remark = request_lines(pair.request)
        yield from lines
        if remark:
            yield style(remark, "dim")
    yield ""
    yield from _differences(pair, style)
    if pair.a is not None and pair.b is not None:
        yield ""
        yield from _answers(pair.a, pair.b, style)
        if said := again(pair):
            yield ""
            yield said
    else:
        yield style(f"Only the {pair.keep} are kept (-verdict.keep).", "dim")


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
    for row in aligned(a, b):
        yield _row(row, width, style)


def _row(row: Row, width: int, style: Style) -> str:
    if row.sign == "…":
        return style("…", "dim")
    if row.sign == "|":
        a, b = row.marks
        left = _marked(row.a or "", a, width, "red", style)
        return f"{left} | {_marked(row.b or '', b, width, 'green', style, fill=False)}".rstrip()
    left, right = padded(row.a or "", width), cut(row.b or "", width)
    if row.sign:
        left, right = style(left, "red"), style(right, "green")
    return f"{left} {row.sign or ' '} {right}".rstrip()


def _marked(line: str, mark: Span, width: int, color: str, style: Style, fill: bool = True) -> str:
    """A line with a part marked, and moved to the left until that part is in sight."""
    start, end = mark
    if end > width and start > width // 3:
        moved = start - width // 3
        line, start, end = "…" + line[moved + 1 :], start - moved, end - moved
    shown = padded(line, width) if fill else cut(line, width)
    start, end = min(start, len(shown)), min(end, len(shown))
    return style(shown[:start], color) + style(shown[start:end], color, "reverse") + style(shown[end:], color)
