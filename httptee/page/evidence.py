"""A kept pair as the page shows it: everything in it is text that a server or a client has sent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from httptee.compare import Difference, Key
from httptee.page.figures import shown
from httptee.verdict.display import CannotSend, Row, again, aligned, curl, har, request_lines
from httptee.verdict.evidence import StoredPair, as_text

_ROWS = 500
_LINE = 600  # characters of a line
_BEFORE = 80  # characters of a cut line that are left before its difference
_DIFFERENCES = 30
_CURL = 20_000  # characters of the command

Pieces = tuple[str, str, str]
"""A line before its difference, the difference, and what follows."""


@dataclass(frozen=True, slots=True)
class ShownRow:
    """Two lines side by side; None where there is none."""

    sign: str
    a: Pieces | None
    b: Pieces | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One pair. `curl` is the command that sends its request again; if it cannot be sent, `unsendable` says why. Of the
    differences, the first `asked_for` are those that the reader has asked for: 1 or 0."""

    pair: StoredPair
    request: Sequence[str]
    remark: str
    differences: Sequence[tuple[str, str, str, str]]
    more_differences: int
    asked_for: int
    rows: Sequence[ShownRow]
    is_cut: bool
    again: str
    curl: str
    unsendable: str


def evidence_of(pair: StoredPair, key: Key | None = None) -> Evidence:
    """What is shown of a pair, within limits. The difference with this key comes first."""
    found = sorted(pair.found, key=lambda one: one.key != key)
    lines, remark = request_lines(pair.request) if pair.request is not None else ([], "")
    rows: list[ShownRow] = []
    if pair.a is not None and pair.b is not None:
        rows = [_shown_row(row) for row in islice(aligned(pair.a, pair.b), _ROWS + 1)]
    command, why = _command(pair)
    return Evidence(
        pair,
        [shown(line, _LINE) for line in lines],
        remark,
        list(_differences(found[:_DIFFERENCES], pair.keep)),
        max(0, len(found) - _DIFFERENCES),
        sum(one.key == key for one in found),
        rows[:_ROWS],
        len(rows) > _ROWS,
        again(pair),
        command,
        why,
    )


def har_of(pair: StoredPair) -> bytes:
    """The pair as HAR. Raises CannotSend."""
    return json.dumps(har(pair), indent=1).encode("utf-8", "replace")


def _command(pair: StoredPair) -> tuple[str, str]:
    try:
        command = curl(pair)
    except CannotSend as error:
        return "", str(error)
    if len(command) > _CURL:
        return "", f"it is too long for a page: httptee verdict show {pair.number} --curl"
    return command, ""


def _differences(found: Sequence[Difference], keep: str) -> Iterator[tuple[str, str, str, str]]:
    """Kind, place, and what A and B have there."""
    for one in found:
        where = " ".join(filter(None, (one.key.part, shown(one.place or one.key.path))))
        known = keep != "paths"
        a = shown(as_text(one.a)) if known and one.key.kind != "extra" else ""
        b = shown(as_text(one.b)) if known and one.key.kind != "missing" else ""
        yield one.key.kind, where, a, b


def _shown_row(row: Row) -> ShownRow:
    if row.sign == "|":
        a, b = row.marks
        return ShownRow(row.sign, _pieces(row.a or "", *a), _pieces(row.b or "", *b))
    return ShownRow(row.sign, _whole(row.a, row.sign), _whole(row.b, row.sign))


def _whole(line: str | None, sign: str) -> Pieces | None:
    if line is None:
        return None
    return _pieces(line, 0, len(line)) if sign else _pieces(line, len(line), len(line))


def _pieces(line: str, start: int, end: int) -> Pieces:
    """The line around the part from `start` to `end`, within `_LINE` characters."""
    first = max(0, start - _BEFORE) if len(line) > _LINE else 0
    before = ("…" if first else "") + line[first:start]
    marked, after = line[start:end], line[end:]
    room = max(0, _LINE - len(before))
    if len(marked) > room:
        return before, marked[:room] + "…", ""
    room -= len(marked)
    return before, marked, after if len(after) <= room else after[:room] + "…"
