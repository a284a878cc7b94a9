"""The report as one HTML file: inline style and plots, light and dark, no script and nothing from elsewhere."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from html import escape

from httptee.verdict.court import Finding, Report, RouteReport
from httptee.verdict.display.order import AGAINST, OPEN, by_severity, by_weight, has_details, summary
from httptee.verdict.display.plots import latency_plot, mismatch_plot
from httptee.verdict.display.sheet import SHEET
from httptee.verdict.display.style import percent, seconds
from httptee.version import __version__

_ROUTES = 200
_CLASSES = {"YES": "yes", "NO": "no"}


def page(reports: Sequence[Report], at: float | None, word: str) -> str:
    """The whole page, about all Bs. `at` is when the reports were made, in seconds since the epoch."""
    made = "no report yet" if at is None else f"as of {_stamp(at)}"
    body = "".join(part for report in reports for part in _report(report))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(word)}: can B replace A?</title><style>{SHEET}</style></head>\n<body><main>"
        f"<header><h1>Can B replace A? {_word(word)}</h1>"
        f'<p class="dim">{escape(made)}, httptee {__version__}</p></header>\n'
        f"{body or '<p>No pair of answers has been judged yet.</p>'}</main></body></html>\n"
    )


def _report(report: Report) -> Iterator[str]:
    yield f"<section><h2>{_word(report.word)} B {escape(report.backend)}</h2><p>{escape(summary(report))}</p>"
    yield _figures(report)
    yield _list("Missing for YES", report.missing) + _list("Notes", report.notes)
    routes = by_severity(report.routes)
    if routes:
        yield _table(report.backend, routes[:_ROUTES])
        yield _figure("Latency from the median (dot) to the 99th percentile (bar), A above B", latency_plot(routes))
        legend = "Pairs that differ (ring), the unexplained ones (dot), their upper bound (bar) and δ (dashed)"
        yield _figure(legend, mismatch_plot(routes, report.delta))
    yield from (_route(report.backend, route) for route in routes[:_ROUTES] if has_details(route))
    yield "</section>\n"


def _figures(report: Report) -> str:
    shares = (
        ("clones offered", f"{report.offered:,}"),
        ("delivered", escape(percent(report.delivered / report.offered)) if report.offered else "-"),
        ("pairs chosen", f"{report.chosen:,}"),
        ("judged", escape(percent(report.judged / report.chosen)) if report.chosen else "-"),
        ("repeats to A", f"{report.repeats:,}"),
        ("δ", escape(percent(report.delta))),
        ("confidence", percent(1 - report.alpha)),
        ("chapter", f"{report.chapter}, since {_stamp(report.since)}"),
    )
    return "<dl>" + "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in shares) + "</dl>"


def _table(backend: str, routes: Sequence[RouteReport]) -> str:
    names = ("verdict", "route", "share", "judged", "differ", "bound", "A p50", "B p50", "A p99", "B p99", "latency")
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = "".join(f"<tr>{_cells(backend, route)}</tr>" for route in routes)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _cells(backend: str, route: RouteReport) -> str:
    latency = route.latency
    figures = (
        percent(route.share),
        f"{route.judged:,}",
        f"{route.judged - route.equal:,}",
        f"≤ {percent(min(route.bound, 1.0))}",
        *map(seconds, (latency.a_p50, latency.b_p50, latency.a_p99, latency.b_p99)),
    )
    numbers = "".join(f'<td class="number">{escape(figure)}</td>' for figure in figures)
    slower = ' class="no"' if latency.label.startswith("slower") else ""
    name = f"<code>{escape(route.route)}</code>"
    if has_details(route):
        name = f'<a href="#{_anchor(backend, route)}">{name}</a>'
    return f"<td>{_word(route.word)}</td><td>{name}</td>{numbers}<td{slower}>{escape(latency.label)}</td>"


def _route(backend: str, route: RouteReport) -> str:
    findings = by_weight(route.findings)
    shown = "".join(_finding(one) for one in findings if one.label in OPEN)
    explained = [one for one in findings if one.label not in OPEN]
    if explained:
        rest = "".join(map(_finding, explained))
        shown += f"<details><summary>{len(explained)} that are explained</summary>{rest}</details>"
    latency = route.latency
    said = f"<p>latency {escape(latency.label)}: {escape(latency.reason)}</p>" if latency.reason else ""
    missing = list(route.missing) + ([f"about {route.more:,} more requests"] if route.more else [])
    title = f'<h3 id="{_anchor(backend, route)}">{_word(route.word)} <code>{escape(route.route)}</code></h3>'
    return f"{title}{said}{_list('Missing for YES', missing)}{shown}"


def _finding(one: Finding) -> str:
    kind = "no" if one.label in AGAINST else "open" if one.label in OPEN else "dim"
    where = " ".join(filter(None, (one.part, one.path)))
    unstable = ", B unstable where A is stable" if one.unstable else ""
    values = (
        f'<div class="pair"><pre class="a">{escape(one.a)}</pre><pre class="b">{escape(one.b)}</pre></div>'
        if one.a or one.b
        else ""
    )
    examples = ", ".join(map(str, one.examples))
    see = f'<p class="dim">see <code>httptee verdict show</code> {examples}</p>' if examples else ""
    line = f'<p class="dim">to silence it: <code>{escape(one.line)}</code></p>' if one.line else ""
    return (
        f'<article><p><b class="{kind}">{escape(one.label)}</b> <code>{escape(where)}</code> {escape(one.kind)} '
        f'<span class="dim">{one.pairs:,} pairs, {escape(percent(one.share))}{unstable}</span></p>'
        f"{values}<p>{escape(one.reason)}</p>{see}{line}</article>"
    )


def _word(word: str) -> str:
    return f'<span class="word {_CLASSES.get(word, "open")}">{escape(word)}</span>'


def _list(title: str, items: Sequence[str]) -> str:
    if not items:
        return ""
    return f"<p>{title}:</p><ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"


def _figure(caption: str, plot: str) -> str:
    return f"<figure>{plot}<figcaption>{caption}</figcaption></figure>" if plot else ""


def _anchor(backend: str, route: RouteReport) -> str:
    return "r" + hashlib.sha256(f"{backend} {route.route}".encode("utf-8", "replace")).hexdigest()[:16]


def _stamp(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
