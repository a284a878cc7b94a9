"""The report of one B, put together from its routes, the counts of the worker processes and the operator's policy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2s
from math import ceil, exp

from httptee.verdict.court.bets import pairs_needed, upper_bound
from httptee.verdict.court.keys import KeyState
from httptee.verdict.court.labels import EXPLAINED, LOOKED_INTO, Held, Terms, differs_from_itself, held, inside_is_odd
from httptee.verdict.court.latency import BLOCK_PAIRS, blocks_needed, latency
from httptee.verdict.court.policy import Counts, Policy, is_safe
from httptee.verdict.court.report import NO, NOT_YET, YES, Finding, LatencyReport, Report, RouteReport
from httptee.verdict.court.route_state import RouteState, kind_of
from httptee.verdict.court.rules import line
from httptee.verdict.court.sums import RouteSums

_OF_A_SERVER = re.compile(r"(^|-)(server|served|powered|version|host|hostname|backend|node|pod|instance|build)(-|$)")
"""Header fields that say which server answers. Of any other field, such as Content-Type, a constant difference is
accepted for one route only."""

_LARGEST = 690.0  # the exponential of more does not fit into a float
_MANY = 1000  # unexplained mismatches; how many pairs it takes to outweigh more is not said
_TRAFFIC = 0.99  # the part of the requests whose routes must be the same
_JUDGED = 0.95  # the part of what was offered that must have been judged

Overall = tuple[str, str, tuple[str, ...], tuple[str, ...]]


def assembled(
    policy: Policy,
    routes: Mapping[str, RouteState],
    sums: Mapping[str, RouteSums],
    counts: Counts,
    since: float,
    slower: Mapping[str, str],
) -> Report:
    """The report. Routes with the most requests come first. `slower`: which had that label in the last one, or `slower
    in the tail`."""
    total = sum(each.requests for each in sums.values())
    writes = any(each.requests and not is_safe(name) for name, each in sums.items())
    reports = []
    for name in {**sums, **routes}:
        known, counted = routes.get(name) or RouteState(policy.keys), sums.get(name, RouteSums())
        reports.append(route_report(policy, name, known, counted, total, writes, slower.get(name, "")))
    reports.sort(key=lambda report: (-report.share, report.route))
    word, summary, missing, notes = overall(policy, tuple(reports), counts)
    unread = sum(max(0, each.unequal - (routes[name].seen if name in routes else 0)) for name, each in sums.items())
    if unread:
        notes += (f"{unread} unequal pairs have not reached the judge: they are taken to be like the others",)
    return Report(
        policy.backend, policy.chapter, since, word, summary, policy.delta, policy.alpha,
        counts.offered, counts.delivered, counts.chosen, counts.judged, counts.repeats, tuple(reports), missing, notes,
    )  # fmt: skip


def route_report(
    policy: Policy, name: str, route: RouteState, sums: RouteSums, total: int, writes: bool, slower: str = ""
) -> RouteReport:
    """One route. `total` requests were offered to B on all routes; `writes`: some of them change what B answers.
    `slower`: see `latency`."""
    judged = sums.equal + max(route.seen, sums.unequal)
    counted = sums.equal + route.seen
    terms = Terms(policy.enough, policy.may_repeat(name), counted, route.draws, writes, route.uncompared)
    labels = {key.number: _held(policy, name, key, terms) for key in route.keys.values()}
    keys = sorted((key for key in route.keys.values() if key.pairs), key=lambda key: (-key.pairs, key.place))
    findings = tuple(_finding(name, key, labels[key.number], terms) for key in keys)
    unexplained = _unexplained(route, labels, sums)
    bound = upper_bound(unexplained, judged, policy.delta, policy.alpha_same)
    times = latency(sums, policy.alpha_latency, policy.alpha_within, policy.latency_margin, slower)
    if not policy.times:
        times = replace(times, label="not compared", reason="")
    missing, more = _missing(policy, findings, unexplained, judged, bound, sums, times)
    against = times.label.startswith("slower") or any(finding.label == "differs" for finding in findings)
    if against:  # nothing is awaited
        missing, more = (), 0
    word = NO if against else NOT_YET if missing else YES
    share = sums.requests / total if total else 0.0
    return RouteReport(
        name, word, judged, sums.equal, unexplained, share, bound, times, findings, missing, more if missing else 0
    )


def _held(policy: Policy, route: str, key: KeyState, terms: Terms) -> Held:
    ruled = policy.rules.about(route, kind_of(key))
    if ruled is None:
        return held(key, terms)
    label, rule = ruled
    return Held(label, rule.reason or f"by the rule {rule.text}", 0.0)


def _unexplained(route: RouteState, labels: Mapping[int, Held], sums: RouteSums) -> int:
    """Pairs that nothing explains. Of those that did not get here, as large a part is taken to be unexplained."""
    odd = {key.number for key in route.keys.values() if inside_is_odd(key)}

    def is_explained(number: int, is_new: bool) -> bool:
        found = labels.get(number)
        if found is None:  # a place that was forgotten
            return False
        return found.label in EXPLAINED and not (is_new and number in odd and found.label in LOOKED_INTO)

    unexplained = route.unexplained(is_explained)
    if not route.seen:
        return sums.unequal
    return ceil(unexplained * max(1.0, sums.unequal / route.seen) - 1e-9)


def _finding(route: str, key: KeyState, label: Held, terms: Terms) -> Finding:
    about = kind_of(key)
    rule = "accept" if label.label in ("differs", "constant", "accepted") else "ignore"
    everywhere = about.part == "header" and label.label == "constant" and bool(_OF_A_SERVER.search(about.path))
    a, b = ("" if about.kind == side else text for side, text in (("extra", key.a), ("missing", key.b)))
    return Finding(
        id=blake2s("\0".join((route, *about)).encode("utf-8", "replace"), digest_size=4).hexdigest(),
        route=route,
        part=about.part,
        path=about.path,
        kind=about.kind,
        label=label.label,
        reason=label.reason,
        pairs=key.pairs,
        share=key.pairs / max(1, terms.judged),
        evidence=exp(min(_LARGEST, label.weight)),
        a=a,
        b=b,
        line=line(rule, "" if everywhere else route, about),
        unstable=label.label == "differs" and differs_from_itself(key),
        examples=tuple(key.examples),
    )


def _missing(
    policy: Policy, findings: tuple[Finding, ...], unexplained: int, judged: int, bound: float, sums: RouteSums,
    times: LatencyReport,
) -> tuple[tuple[str, ...], int | None]:  # fmt: skip
    """What the route lacks for YES in plain words, and about how many more judged pairs that takes."""
    missing, more = [], 0
    unknown = False
    for finding in findings:
        if finding.label == "constant":
            missing.append(f"the constant difference of {finding.part} {finding.path} is not accepted: {finding.line}")
            unknown = True
    if bound > policy.delta:
        pairs = pairs_needed(unexplained, policy.delta, policy.alpha_same) - judged if unexplained <= _MANY else None
        unknown = unknown or pairs is None
        more = max(more, pairs or 0)
        open_ = [finding for finding in findings if finding.label not in EXPLAINED]
        for finding in open_[:5]:
            where = " ".join(filter(None, (finding.part, finding.path, finding.kind)))
            missing.append(f"{finding.label}: {where}: {finding.reason}")
        what = f"about {pairs} more pairs without a mismatch" if pairs else "fewer mismatches"
        missing.append(f"{what}: the rate of unexplained mismatches may be {bound:.2%}")
    if policy.times and times.label != "within":
        blocks = blocks_needed(sums, policy.alpha_within)
        pairs_each = sum(sums.a_times) / sums.blocks if sums.blocks else 0  # more where several processes take turns
        more = max(more, ceil(blocks * max(BLOCK_PAIRS, pairs_each)))
        missing.append(f"about {blocks} more blocks of times: {times.reason}")
    return tuple(missing), None if unknown else more


def overall(policy: Policy, routes: tuple[RouteReport, ...], counts: Counts) -> Overall:
    """The word, a summary in one line, what is missing for YES, and notes."""
    notes = _notes(policy, routes, counts)
    against = [route for route in routes if route.word == NO]
    if against:
        return NO, f"NO: {_against(against)}", (), notes
    same = sum(route.share for route in routes if route.word == YES)
    missing = []
    if same < _TRAFFIC:
        missing.append(f"routes with {same:.1%} of the traffic are the same; it takes {_TRAFFIC:.0%}")
    judged = judged_part(counts)
    if judged < _JUDGED:
        missing.append(f"{judged:.1%} of the clones offered to B were delivered and judged; it takes {_JUDGED:.0%}")
    constants = sum(finding.label == "constant" for route in routes for finding in route.findings)
    if constants:
        missing.append(f"{constants} constant differences are not accepted")
    if not missing:
        return YES, f"YES: B answers as A does in all but at most {100 * policy.delta:g} % of the requests", (), notes
    open_routes = [route for route in routes if route.word == NOT_YET]
    missing += [f"{route.route}: {each}" for route in open_routes for each in route.missing]
    return NOT_YET, f"NOT YET: {missing[0]}{_more(open_routes, same)}", tuple(missing), notes


def judged_part(counts: Counts) -> float:
    """The part of the clones offered to B that was delivered and, of those chosen to be judged, was judged."""
    if not counts.offered or not counts.chosen:
        return 0.0
    return min(1.0, counts.delivered / counts.offered) * min(1.0, counts.judged / counts.chosen)


def _against(routes: list[RouteReport]) -> str:
    """What speaks against B, the first three."""
    found = []
    for route in routes:
        if route.latency.label.startswith("slower"):
            found.append(f"{route.route} is {route.latency.label}")
        for finding in route.findings:
            if finding.label == "differs":
                place = " ".join(filter(None, (finding.part, finding.path, finding.kind)))
                found.append(f"{route.route} differs in {place}")
    more = f", and {len(found) - 3} more" if len(found) > 3 else ""
    return f"{', '.join(found[:3])}{more}"


def _more(routes: list[RouteReport], same: float) -> str:
    """About how many more requests it takes: for as many routes, the quickest first, as make up the traffic."""
    needed = sorted((route.more / route.share, route.share) for route in routes if route.more and route.share)
    for requests, share in needed:
        same += share
        if same >= _TRAFFIC:
            return f"; about {_round(requests)} more requests"
    return ""


def _round(number: float) -> int:
    """To two digits."""
    digits = int(10 ** max(0, len(str(int(number))) - 2))
    return ceil(number / digits) * digits


def _notes(policy: Policy, routes: tuple[RouteReport, ...], counts: Counts) -> tuple[str, ...]:
    notes = []
    if counts.writes_missed:
        notes.append(f"B's state may lag: {counts.writes_missed} writes not delivered")
    late = sum(finding.pairs for route in routes for finding in route.findings if finding.label == "late")
    if late:
        notes.append(f"{late} times B agreed with A only when it was asked again: reads before a write had reached B")
    if not policy.repeat:
        notes.append("A and B are never asked again: what may be noise is only suspected")
    if not policy.times:
        notes.append("the times of A and B are not compared")
    part = judged_part(counts)
    if part < 1.0 and counts.offered:
        notes.append(f"the verdict speaks of the {part:.1%} of the clones that were delivered and judged")
    return tuple(notes)
