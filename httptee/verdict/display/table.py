"""The report as text: the word first, then what speaks for it, then each difference with the line that silences it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from httptee.verdict.court import NO, NOT_YET, YES, Finding, Report, RouteReport
from httptee.verdict.display.order import AGAINST, OPEN, by_severity, by_weight, has_details, summary
from httptee.verdict.display.style import Style, columns, cut, harmless, padded, percent, seconds

COLOR_OF = {YES: "green", NO: "red", NOT_YET: "yellow"}
_ROUTES = 40
_FINDINGS = 8  # of one route, of those that are explained
_STALE = 60.0  # seconds


def table(reports: Sequence[Report], at: float | None, style: Style, now: float | None = None) -> str:
    """All Bs, one after the other. `at` is when the reports were made, in seconds since the epoch."""
    now = time.time() if now is None else now
    lines: list[str] = []
    for report in reports:
        lines += [*_one(report, style), ""]
    if not reports:
        lines += [f"{style(NOT_YET, 'yellow', 'bold')}  no report yet", ""]
    elif at is not None and now - at > _STALE:
        lines += [f"These figures are {_age(now - at)} old: no judge has written since.", ""]
    return "\n".join(lines)


def _one(report: Report, style: Style) -> Iterator[str]:
    word = style(report.word, COLOR_OF.get(report.word, "bold"), "bold")
    yield f"{word}  B {harmless(report.backend)}: {harmless(summary(report))}"
    yield style(_figures(report), "dim")
    yield from (f"  missing: {harmless(one)}" for one in report.missing)
    yield from (f"  note: {harmless(one)}" for one in report.notes)
    if report.routes:
        yield ""
        yield from _routes(report.routes, style)
    for route in report.routes:
        if has_details(route):
            yield from _route(route, style)


def _figures(report: Report) -> str:
    delivered = percent(report.delivered / report.offered) if report.offered else "-"
    judged = percent(report.judged / report.chosen) if report.chosen else "-"
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(report.since))
    return (
        f"  {report.offered:,} clones offered, {delivered} delivered; {report.chosen:,} pairs chosen, {judged} judged; "
        f"{report.repeats:,} repeats to A; chapter {report.chapter}, since {since}; "
        f"δ {percent(report.delta)}, confidence {percent(1 - report.alpha)}"
    )


_HEAD = ("verdict", "route", "share", "judged", "differ", "bound", "A p50", "B p50", "A p99", "B p99", "latency")


def _routes(routes: Sequence[RouteReport], style: Style) -> Iterator[str]:
    shown = by_severity(routes)[:_ROUTES]
    rows = [_HEAD, *map(_row, shown)]
    widths = [max(columns(row[column]) for row in rows) for column in range(len(_HEAD))]
    spare = style.width - 2 - sum(widths) - 2 * (len(widths) - 1)
    widths[1] = min(widths[1], max(24, widths[1] + spare))
    for index, row in enumerate(rows):
        cells = [_cell(column, cell, widths[column]) for column, cell in enumerate(row)]
        if index == 0:
            cells = [style(cell, "dim") for cell in cells]
        else:
            cells[0] = style(cells[0], COLOR_OF.get(row[0], "bold"))
            if row[-1].startswith("slower"):
                cells[-1] = style(cells[-1], "red")
        yield ("  " + "  ".join(cells)).rstrip()
    if len(routes) > len(shown):
        yield f"  and {len(routes) - len(shown)} more routes"


def _cell(column: int, cell: str, width: int) -> str:
    """Figures end at the right, text starts at the left."""
    if column in (0, 1, 10):
        return padded(cell, width)
    return " " * (width - columns(cell)) + cell


def _row(route: RouteReport) -> tuple[str, ...]:
    latency = route.latency
    return (
        route.word,
        harmless(route.route),
        percent(route.share),
        f"{route.judged:,}",
        f"{route.judged - route.equal:,}",
        "≤ " + percent(min(route.bound, 1.0)),
        seconds(latency.a_p50),
        seconds(latency.b_p50),
        seconds(latency.a_p99),
        seconds(latency.b_p99),
        latency.label,
    )


def _route(route: RouteReport, style: Style) -> Iterator[str]:
    yield ""
    word = style(route.word, COLOR_OF.get(route.word, "bold"))
    yield f"{style(harmless(route.route), 'bold')}  {word}"
    if route.latency.label != "within" and route.latency.reason:
        yield f"  latency {route.latency.label}: {harmless(route.latency.reason)}"
    for missing in route.missing:
        yield f"  missing: {harmless(missing)}"
    explained = 0
    for finding in by_weight(route.findings):
        explained += finding.label not in OPEN
        if finding.label in OPEN or explained <= _FINDINGS:
            yield from _finding(finding, style)
    if explained > _FINDINGS:
        yield f"  and {explained - _FINDINGS} more that are explained; --json has them all"


def _finding(finding: Finding, style: Style) -> Iterator[str]:
    color = "red" if finding.label in AGAINST else "yellow" if finding.label in OPEN else "dim"
    where = " ".join(filter(None, (finding.part, harmless(finding.path))))
    times = f"{finding.pairs:,} pairs, {percent(finding.share)}"
    unstable = ", B unstable where A is stable" if finding.unstable else ""
    yield f"  {style(padded(finding.label, 10), color)} {where}  {finding.kind}  {style(times + unstable, 'dim')}"
    if finding.a or finding.b:
        width = max(20, (style.width - 25) // 2)
        yield f"    A {cut(harmless(finding.a), width)}   B {cut(harmless(finding.b), width)}"
    if finding.reason:
        yield f"    {harmless(finding.reason)}"
    if finding.examples:
        more = "" if len(finding.examples) == 1 else f", {', '.join(map(str, finding.examples[1:5]))}"
        yield style(f"    see: httptee verdict show {finding.examples[0]}{more}", "dim")
    if finding.line and finding.label not in ("ignored", "accepted", "same"):
        yield style(f"    to silence it: {harmless(finding.line)}", "dim")


def _age(passed: float) -> str:
    return f"{passed / 60:.0f} minutes" if passed < 7200 else f"{passed / 3600:.0f} hours"
