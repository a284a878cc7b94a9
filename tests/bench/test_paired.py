"""Pairs of windows: their order, the arithmetic of their ratios, and the tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import pytest

from bench.errors import BenchError
from bench.programs.sessions import Sessions
from bench.reports.figures import Figures, Sample
from bench.reports.tables import table_text
from bench.scenarios.paired import Paired, alternate, in_rounds, table_of, targets
from bench.scenarios.paired.paired import Pair
from bench.scenarios.rounds import Stage

NAMES = ("plain", "more")


@dataclass(frozen=True)
class Under:
    """A condition."""

    key: str

    @property
    def cells(self) -> list[str]:
        return [self.key.upper()]


def window(rate: float, p99: float = 1000.0, errors: int = 0, cpu: float | None = 100.0) -> Sample:
    return Sample(Figures(rate, 1.0, p99, cpu, 5e7), errors, 10, 10, 10)


def pair(rate: float, p99: float = 1000.0, **more: Any) -> Pair:
    return Pair(window(10_000.0), window(rate, p99, **more))


def staged(sessions: Sessions = Sessions.ONE) -> Stage[Any]:
    return cast("Stage[Any]", type("Staged", (), {"sessions": sessions})())


def test_each_pair_begins_with_the_tee_with_which_the_one_before_has_ended() -> None:
    taken: list[float] = []

    def take(rate: float) -> Sample:
        taken.append(rate)
        return window(rate)

    pairs = alternate(3, lambda: take(1.0), lambda: take(2.0))
    assert taken == [1.0, 2.0, 2.0, 1.0, 1.0, 2.0]
    assert [(each.without.figures.rate, each.having.figures.rate) for each in pairs] == [(1.0, 2.0)] * 3


def test_a_ratio_is_the_median_over_the_rounds_with_its_error() -> None:
    found = Paired([[pair(9_000.0)], [pair(9_500.0)], [pair(8_000.0), pair(11_000.0), pair(20_000.0)]]).ratios()
    assert found is not None
    assert found["rate"][0] == pytest.approx(0.95)
    assert found["rate"][1] == pytest.approx(1.2533 * 0.1041 / 3**0.5, rel=1e-3)
    assert found["p99"] == (1.0, 0.0)
    assert Paired([[pair(9_000.0), pair(7_000.0)]]).ratios() == {
        "rate": (pytest.approx(0.8), None),
        **dict.fromkeys(("p99", "cpu", "memory"), (1.0, None)),
    }
    assert Paired().ratios() is None
    assert "cpu" not in (Paired([[pair(9_000.0, cpu=None)]]).ratios() or {})


def test_a_drift_between_the_pairs_changes_no_ratio() -> None:
    drifting = [Pair(window(10_000.0 * speed), window(9_600.0 * speed)) for speed in (1.0, 0.5, 2.0, 0.7)]
    assert (Paired([drifting, drifting]).ratios() or {})["rate"] == pytest.approx((0.96, 0.0))


def test_all_rounds_are_one_row_and_a_failed_one_has_its_reason() -> None:
    one, other = Under("one"), Under("other")
    rounds = iter(range(10))

    def measure(stage: Stage[Any], what: Under) -> Paired:
        if what is other and next(rounds) == 0:
            raise BenchError("no port")
        return Paired([[pair(9_700.0)]], ["3 lost" if what is other else ""])

    found = in_rounds(3, [staged()], [one, other], measure)
    assert {what.key: len(row.rounds) for (_, what), row in found.items()} == {"one": 3, "other": 2}
    made = table_of("A title", ["load"], Sessions.ONE, found, NAMES)
    assert [cells[0] for cells in made["cells"]] == ["ONE", "OTHER"]
    assert [cells[-1] for cells in made["cells"]] == ["all", "3 lost; no port"]
    assert made["cells"][0][1:5] == ["9,700", "0.97 ± 0.00", "1,000 µs", "1.00 ± 0.00"]
    assert made["rows"][3]["reason"] == "no port"
    assert "| ONE " in table_text(made)


def test_a_row_without_a_pair_has_its_reason() -> None:
    found = {(Sessions.ONE, Under("one")): Paired(reason="not started: no such option")}
    made = table_of("A title", ["load"], Sessions.ONE, found, NAMES)
    assert made["cells"][0][-1] == "not started: no such option"
    assert len(made["cells"][0]) == len(made["header"])
    assert targets("kind", "A title", [Under("one")])[0].measure({"tables": [made]}) is None


def test_a_target_compares_with_the_tee_without() -> None:
    found = {(Sessions.ONE, Under("one")): Paired([[pair(9_700.0, 1050.0)]])}
    result = {"kind": "kind", "tables": [table_of("A title", ["load"], Sessions.ONE, found, NAMES)]}
    rate, p99 = targets("kind", "A title", [Under("one")])
    assert rate.measure(result) == pytest.approx(0.97)
    assert rate.holds(0.97)
    assert p99.measure(result) == pytest.approx(1.05)
    assert p99.holds(1.05)
    assert not p99.holds(1.2)
    result["tables"][0]["rows"][1]["errors"] = 3
    assert rate.measure(result) == "3 errors; "
    result["tables"][0]["rows"][1] |= {"errors": 0, "delivered": 0.97}
    assert rate.measure(result) == "B got 97.0 %"
