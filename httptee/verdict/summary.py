"""The answer as a whole: YES, NO or NOT YET, with what is missing and what one has to know beside it."""

from __future__ import annotations

from math import ceil

from httptee.verdict.policy import Counts, Policy
from httptee.verdict.report import NO, NOT_YET, YES, RouteReport

_TRAFFIC = 0.99  # the part of the requests whose routes must be the same
_JUDGED = 0.95  # the part of what was offered that must have been judged

Overall = tuple[str, str, tuple[str, ...], tuple[str, ...]]


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
        return YES, f"YES: B is the same as A, but for less than {policy.delta:.3g} of the answers", (), notes
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
    part = judged_part(counts)
    if part < 1.0 and counts.offered:
        notes.append(f"the verdict speaks of the {part:.1%} of the clones that were delivered and judged")
    return tuple(notes)
