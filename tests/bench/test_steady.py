"""The shares of B, a B that is stopped, and what the tee holds meanwhile."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable

import pytest

from bench.errors import BenchError
from bench.programs import measure
from bench.programs.hostile.backend import hostile_backend
from bench.programs.load import CASES
from bench.programs.sessions import Sessions
from bench.programs.subjects import choose
from bench.programs.watched import fates, watched
from bench.programs.workspace import Workspace
from bench.reports.figures import Json, Sample
from bench.reports.targets import Target
from bench.scenarios.rounds import Key, Taken
from bench.scenarios.sampling import Workload
from bench.scenarios.steady import memory, shares, stopped

from .samples import sample

SMALL = Workload(CASES["get"], 32)
KEY = Key(Sessions.OWN, SMALL, "httptee")
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
LEDGER = {
    "seen": 10, "delivered": 5, "in_flight": 1, "failed": 1, "dropped": 3,
    "failed_by_reason": {"timeout": 1, "connect": 0}, "dropped_by_reason": {"saturated": 3, "closing": 0},
}  # fmt: skip


def until(probe: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not probe():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def states(group: int) -> set[str]:
    return {fields[0] for fields in measure.members(group).values()}


def verdict(target: Target, table: Json) -> str:
    return target.cells(target.measure({"tables": [table]}))[1]


def test_a_ledger_is_read_by_what_became_of_the_clones() -> None:
    assert fates(LEDGER) == {"delivered": 5, "in flight": 1, "failed timeout": 1, "dropped saturated": 3}
    assert stopped.lost(LEDGER) == {"failed timeout": 1, "dropped saturated": 3}
    assert fates({}) == stopped.lost({}) == {}


def test_a_share_counts_from_the_requests_of_a_and_excuses_only_a_tied_tee() -> None:
    got = sample(requests=990, a=1000, b=985)
    assert shares.share_of(got, tied=False) == 0.985
    assert shares.share_of(got, tied=True) == 0.995
    assert shares.share_of(sample(a=0, b=0), tied=False) == 0.0
    assert shares.hundredths(0.99999) == "99.99 %"


@pytest.mark.parametrize(("bs", "told"), [((1000, 999), "yes"), ((1000, 998, 1000), "no")])
def test_one_round_below_999_thousandths_misses_the_target(bs: tuple[int, ...], told: str) -> None:
    (httptee,) = choose(["httptee"], [])
    taken: Taken[Workload, Sample] = Taken()
    taken.samples[KEY] = [sample(a=1000, b=b) for b in bs]
    table = shares.share_table(httptee, Sessions.OWN, [SMALL], taken)
    (target,) = shares.targets([SMALL])
    assert verdict(target, table) == told
    assert table["cells"][0][2] == shares.hundredths(min(bs) / 1000)


def rounds(*levels: float | None, lost: int = 0, growth: float = 0.0) -> Json:
    made = [
        stopped.Stopped(1.0, 0, 9, {"dropped saturated": lost} if lost else {}, 9, 9, 1e6, 1e6 + growth, 1e6, level)
        for level in levels
    ]
    (httptee,) = choose(["httptee"], [])
    taken: Taken[Workload, stopped.Stopped] = Taken()
    taken.samples[KEY] = made
    return stopped.stopped_table(httptee, Sessions.OWN, [SMALL], taken)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (rounds(0.1, 2.0), ["yes", "yes", "yes"]),
        (rounds(0.1, 2.1), ["yes", "yes", "no"]),
        (rounds(0.1, None), ["yes", "yes", "no"]),
        (rounds(0.1, lost=1), ["no", "yes", "yes"]),
        (rounds(0.1, growth=stopped.BOUND + 1), ["yes", "no", "yes"]),
    ],
)
def test_the_worst_round_with_a_stopped_b_is_judged(table: Json, told: list[str]) -> None:
    assert [verdict(target, table) for target in stopped.targets([SMALL])] == told


def test_a_program_continues_also_after_an_error() -> None:
    with Workspace() as workspace, workspace.started("sleep", SLEEP) as process:
        with contextlib.suppress(BenchError), stopped.stopped(process):
            until(lambda: states(process.group) == {"T"})
            raise BenchError("it broke")
        until(lambda: "T" not in states(process.group))


def test_heads_have_just_under_64_kib() -> None:
    for field in (b"a:\r\n", b"X-Wide: " + b"w" * 1000 + b"\r\n"):
        made = memory.head(field)
        assert 64_000 < len(made) <= memory.HEAD
        assert made.endswith(field + b"\r\n")


def test_what_waits_at_a_tee_is_taken_and_in_its_ledger() -> None:
    kind = memory.KINDS["wide"]
    (httptee,) = choose(["httptee"], [])
    with (
        Workspace() as workspace,
        hostile_backend(workspace, "ok") as a,
        hostile_backend(workspace, "ok") as b,
        watched(workspace, httptee, a.port, b.port, *kind.options) as tee,
        stopped.stopped(b.process),
        kind.hold(tee.tee.port, 5) as taken,
    ):
        assert taken == 5
        until(lambda: fates(tee.ledger()).get("in flight", 0) >= 5)  # and perhaps that of the first request


def test_an_upload_that_is_answered_or_closed_does_not_wait() -> None:
    with (
        Workspace() as workspace,
        hostile_backend(workspace, "refused-tls") as server,
        memory.KINDS["uploads"].hold(server.port, 3) as waiting,
    ):
        assert waiting == 0
