"""The verdict on worlds with planted defects and noises, on a simulated clock: what it finds, and what it costs."""

from __future__ import annotations

import argparse
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from statistics import median

from httptee.verdict.judge import RepeatLimits
from tests.worlds import SERVICES, Service
from tests.worlds.play.proof import Outcome, Plan, Run
from tests.worlds.play.score import AGAINST, said
from tests.worlds.switches import LATENCY, Expected

from ...reports.figures import Json, percent
from ...reports.tables import NOTHING, table
from ..rounds import progress
from ..scenario import Result, keys, listed, positive

WARM_UP = RepeatLimits().warm_up
SAME_DELTA = 0.01
"""The bound below which B is the same, where B is A."""


@dataclass(frozen=True, slots=True)
class Line:
    """One run, without what is too large to keep."""

    plan: Plan
    word: str
    found: bool
    found_at: int | None
    alarms: tuple[str, ...]
    suspected: int
    misnamed: tuple[str, ...]
    requests: int
    repeats: int
    unsafe: int
    seconds: float
    diffy: tuple[tuple[str, str, str], ...]
    missing: tuple[str, ...]

    @property
    def speaks(self) -> bool:
        """Whether there is something planted that speaks against B. A B that is slower within the margin does not."""
        return any(label in AGAINST for each in self._expected for label in each.labels)

    @property
    def diffy_finds(self) -> bool | None:
        """Whether Diffy's rule shows the place of the defect. None for times, of which it knows nothing."""
        if any(each.part == LATENCY for each in self._expected):
            return None
        shown = set(self.diffy)
        return all(any((each.route, each.part, path) in shown for path in each.paths) for each in self._expected)

    @property
    def diffy_alarms(self) -> int:
        """How many fields Diffy's rule shows that no defect explains."""
        right = {(each.route, each.part, path) for each in self._expected for path in each.paths}
        also = {place for name in self.plan.defects for place in self.plan.service.defects[name].also}
        return sum(shown not in right and shown[:2] not in also for shown in self.diffy)

    @property
    def _expected(self) -> list[Expected]:
        return [each for name in self.plan.defects for each in self.plan.service.defects[name].expected]


def line(plan: Plan) -> Line:
    """Play a plan."""
    got: Outcome = Run(plan).outcome()
    return Line(
        plan, got.report.word, got.found, got.found_at, tuple(map(str, got.alarms)),
        sum(each.label == "suspected" for each in said(got.report)), got.misnamed, got.played.requests, got.repeats,
        got.played.unsafe, got.played.seconds, tuple(sorted(got.diffy)), got.report.missing,
    )  # fmt: skip


def planted(service: Service, options: argparse.Namespace) -> list[Plan]:
    """A run for each defect and seed, with all noise on."""
    names = keys(options.only_defects, service.defects, "defect")
    return [
        Plan(service.name, seed, options.requests, [name], focus=service.defects[name].expected[0].route, third=True)
        for name in names
        for seed in range(options.seeds)
    ]


def same(service: Service, options: argparse.Namespace) -> list[Plan]:
    """Runs in which B is A."""
    return [Plan(service.name, 1000 + seed, options.requests, third=True) for seed in range(options.same)]


def sure(service: Service, options: argparse.Namespace) -> list[Plan]:
    """Runs in which B is A, long enough to say so."""
    return [
        Plan(service.name, 2000 + seed, 1000, each=True, delta=SAME_DELTA, rate=60.0) for seed in range(options.sure)
    ]


def defect_table(lines: Sequence[Line]) -> Json:
    """What was found of each defect."""
    groups: dict[str, list[Line]] = defaultdict(list)
    for each in lines:
        groups[each.plan.defects[0]].append(each)
    cells, found = [], []
    for name, group in groups.items():
        where = group[0].plan.service.defects[name].expected[0]
        at = [each.found_at for each in group if each.found_at is not None]
        right, repeats = sum(each.found for each in group), median(each.repeats for each in group)
        alarms = sorted({alarm for each in group for alarm in each.alarms})
        shown = [each.diffy_finds for each in group]
        diffy = None if None in shown else sum(map(bool, shown))
        found.append({"subject": name, "runs": len(group), "found": right, "requests": median(at) if at else None,
                      "repeats": repeats, "alarms": alarms, "diffy": diffy})  # fmt: skip
        cells.append([
            name, " ".join(filter(None, [where.route, where.part, where.paths[0]])), f"{right}/{len(group)}",
            f"{median(at):,.0f}" if at else NOTHING, f"{repeats:,.0f}",
            NOTHING if diffy is None else f"{diffy}/{len(group)}", shortened(alarms),
        ])  # fmt: skip
    header = ["defect", "where", "found", "requests until then", "repeats", "Diffy's rule", "false alarms"]
    return table("Planted defects, one at a time, with all noise", header, cells, found)


def shortened(texts: Sequence[str], most: int = 5) -> str:
    """The first of some texts, and how many more there are."""
    more = [f"and {len(texts) - most} more"] if len(texts) > most else []
    return "; ".join([*texts[:most], *more])


def same_table(title: str, lines: Sequence[Line]) -> Json:
    """What was said where B is A."""
    words = [each.word for each in lines]
    alarms = sorted({alarm for each in lines for alarm in each.alarms})
    names: dict[str, int] = defaultdict(int)
    for each in lines:
        for name in each.misnamed:
            names[name] += 1
    diffy = sum(bool(each.diffy_alarms) for each in lines if each.plan.third)
    missing = sorted({why for each in lines if each.word != "YES" for why in each.missing})
    rows = [
        ("runs", str(len(lines))),
        ("YES, NOT YET, NO", ", ".join(str(words.count(word)) for word in ("YES", "NOT YET", "NO"))),
        ("runs with a false alarm", str(sum(bool(each.alarms) for each in lines))),
        ("false alarms", shortened(alarms) or "none"),
        ("suspected", str(sum(each.suspected for each in lines))),
        ("noises with another name", "; ".join(f"{name} ({times})" for name, times in sorted(names.items())) or "none"),
        ("missing for YES", shortened(missing) or "nothing"),
        ("runs in which Diffy's rule shows something", str(diffy) if lines and lines[0].plan.third else NOTHING),
    ]  # fmt: skip
    return table(title, ["what", "figure"], [list(row) for row in rows], [{"subject": title, **dict(rows)}])


def cost_table(lines: Sequence[Line], defects: Sequence[Line]) -> Json:
    """Precision, recall, repeats and time over all runs."""
    requests, repeats = sum(each.requests for each in lines), sum(each.repeats for each in lines)
    later = sum(max(0, each.repeats - WARM_UP) for each in lines)
    planted = [each for each in defects if each.speaks]
    right, wrong = sum(each.found for each in planted), sum(len(each.alarms) for each in lines)
    diffy = [each.diffy_finds for each in planted if each.diffy_finds is not None]
    diffy_right, diffy_wrong = sum(diffy), sum(each.diffy_alarms for each in lines)
    rows = [
        ("precision", percent(right / (right + wrong)) if right + wrong else NOTHING),
        ("recall", percent(right / len(planted)) if planted else NOTHING),
        ("precision of Diffy's rule", percent(diffy_right / (diffy_right + diffy_wrong)) if diffy_right else NOTHING),
        ("recall of Diffy's rule, of what it can see", percent(diffy_right / len(diffy)) if diffy else NOTHING),
        ("repeats, of requests", f"{repeats:,} of {requests:,}: {repeats / max(1, requests):.2%}"),
        (f"repeats after the first {WARM_UP} of a run", f"{later / max(1, requests):.2%}"),
        ("repeats of what must not be repeated", str(sum(each.unsafe for each in lines))),
        ("CPU for each pair", f"{sum(each.seconds for each in lines) / max(1, requests) * 1e6:,.0f} µs"),
    ]
    return table("Over all runs", ["what", "figure"], [list(row) for row in rows], [{"subject": "all", **dict(rows)}])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is simulated."""
    parser.add_argument("--simulate", action="store_true", help="judge worlds on a simulated clock; starts no program")
    parser.add_argument("--service", choices=SERVICES, default="shop", help="which world (default: %(default)s)")
    parser.add_argument("--requests", type=positive, default=3000, help="to the route of a defect (default: 3000)")
    parser.add_argument("--seeds", type=int, default=5, help="of each defect (default: %(default)s)")
    parser.add_argument("--same", type=int, default=100, help="runs in which B is A (default: %(default)s)")
    parser.add_argument("--sure", type=int, default=20, help="such runs until YES (default: %(default)s)")
    parser.add_argument("--only-defects", type=listed, metavar="NAME,...", help="only these (default: all)")
    parser.add_argument("--jobs", type=positive, default=1, help="processes (default: %(default)s)")


def played(plans: Sequence[Plan], jobs: int) -> Iterator[Line]:
    """Play all plans, in processes."""
    if jobs == 1:
        yield from map(line, plans)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(line, plans)


def run(options: argparse.Namespace) -> Result:
    """Play everything, and score it."""
    service = SERVICES[options.service]
    got: dict[Callable[[Service, argparse.Namespace], list[Plan]], list[Line]] = {}
    for make in (planted, same, sure):
        got[make] = []
        for each in played(make(service, options), options.jobs):
            got[make].append(each)
            progress(brief(make.__name__, each))
    tables = [
        defect_table(got[planted]),
        same_table(f"B is A, {options.requests:,} requests", got[same]),
        same_table(f"B is A, 1,000 requests to each route, \N{GREEK SMALL LETTER DELTA} = {SAME_DELTA:.0%}", got[sure]),
        cost_table([*got[planted], *got[same], *got[sure]], got[planted]),
    ]
    held = all(each.found and not each.alarms for each in got[planted]) and not any(
        each.alarms for each in (*got[same], *got[sure])
    )
    return Result(tables, {"service": service.name, "seeds": options.seeds, "requests": options.requests,
                           "load average": f"{os.getloadavg()[0]:.1f}"}, held)  # fmt: skip


def brief(what: str, each: Line) -> str:
    """One run, for the progress."""
    told: Iterable[str] = [
        f"{what} {' '.join(each.plan.defects)} seed {each.plan.seed}: {each.word}",
        ("found" if each.found else "NOT FOUND") + f" at {each.found_at}" if each.plan.defects else "",
        f"{each.requests} requests, {each.repeats} repeats, {each.seconds:.1f} s",
        *(f"FALSE: {alarm}" for alarm in each.alarms),
    ]
    return ", ".join(filter(None, told))
