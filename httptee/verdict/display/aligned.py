"""Two answers line by line: which lines belong together, and which part of them differs."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from httptee.http import values
from httptee.verdict.display.indent import indented
from httptee.verdict.display.members import in_order_of
from httptee.verdict.display.style import harmless, seconds
from httptee.verdict.evidence import StoredAnswer, StoredPair

LONGEST = 4000
"""Characters of a line; the rest is cut."""

_LINES = 2000  # of one answer: aligning takes time with the square of it
_CONTEXT = 3
_WHOLE = 60  # lines; a longer answer is shown around its differences only

_Code = tuple[str, int, int, int, int]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of A's answer beside one of B's, None where there is none. Control characters are escaped.

    `sign` is empty for equal lines, `|` for two that differ, `<` for one that only A has, `>` for one that only B has,
    and `…` for lines that are left out.
    """

    sign: str
    a: str | None = None
    b: str | None = None

    @property
    def marks(self) -> tuple[Span, Span]:
        """Of two lines that differ: start and end of the part that the other one lacks."""
        a, b = self.a or "", self.b or ""
        start = next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
        same = 0
        while same < min(len(a), len(b)) - start and a[-1 - same] == b[-1 - same]:
            same += 1
        return (start, len(a) - same), (start, len(b) - same)


def aligned(a: StoredAnswer, b: StoredAnswer) -> Iterator[Row]:
    """Both answers, or what is around their differences if they are long. The members of JSON are in A's order."""
    left, right = answer_lines(a, a), answer_lines(b, a)
    matcher = difflib.SequenceMatcher(None, left, right)
    groups: list[Sequence[_Code]] = [matcher.get_opcodes()]
    if max(len(left), len(right)) > _WHOLE:
        groups = list(matcher.get_grouped_opcodes(_CONTEXT))
    for number, group in enumerate(groups):
        if number or group[0][1] or group[0][3]:
            yield Row("…")
        for _, start, end, b_start, b_end in group:
            yield from _block(left[start:end], right[b_start:b_end])


def _block(left: list[str], right: list[str]) -> Iterator[Row]:
    for index in range(max(len(left), len(right))):
        a = left[index] if index < len(left) else None
        b = right[index] if index < len(right) else None
        yield Row("" if a == b else "<" if b is None else ">" if a is None else "|", a, b)


def answer_lines(answer: StoredAnswer, like: StoredAnswer | None = None) -> list[str]:
    """Status, header fields in the order of the alphabet, and body, with the members of JSON in the order of `like`."""
    if not answer.status:
        return [f"no answer: {harmless(answer.failure)}"]
    lines = [str(answer.status)]
    lines += sorted((f"{name}: {value}" for name, value in answer.headers), key=str.lower)
    lines += [f"({answer.note})"] if answer.note else []
    lines.append("")
    if answer.body is None:
        lines.append(f"a body of {answer.length:,} bytes, too long to be kept")
    else:
        model = like.body if like is not None else None
        lines += body_lines(answer.body, next(iter(values(answer.headers, "content-type")), ""), model)
    return [harmless(line[:LONGEST]) for line in lines[:_LINES]]


def body_lines(body: bytes, kind: str, like: bytes | None = None) -> list[str]:
    """The body as lines of text: JSON spread over lines, with its members in the order of those of `like`, and what is
    no text as hexadecimal numbers."""
    try:
        text = body.decode("latin-1" if "8859-1" in kind else "utf-8")
    except UnicodeDecodeError:
        return [f"{at:06x}  {body[at : at + 16].hex(' ')}" for at in range(0, min(len(body), 16 * _LINES), 16)]
    if text.lstrip()[:1] in ("{", "["):
        text = indented(in_order_of(text, like.decode("utf-8", "replace")) if like is not None else text)
    return text.replace("\t", "    ").splitlines()


def again(pair: StoredPair) -> str:
    """What A and B answered when they were asked again, in one sentence; empty if they were not."""
    if pair.again_a is None or pair.again_b is None:
        return ""
    later = pair.again_at - pair.at
    a = "as A before" if _same(pair.again_a, pair.a) else "unlike A before"
    b = "as B before" if _same(pair.again_b, pair.b) else "unlike B before"
    also = ", as A now" if _same(pair.again_b, pair.again_a) else ""
    return f"asked again after {seconds(max(later, 0.0))}: A answered {a}, B answered {b}{also}"


def _same(one: StoredAnswer, other: StoredAnswer | None) -> bool:
    return other is not None and (one.status, one.body, one.failure) == (other.status, other.body, other.failure)
