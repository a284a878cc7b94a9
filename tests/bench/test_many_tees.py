"""What is compared of many tees and one."""

from __future__ import annotations

from pathlib import Path

from bench.scenarios.stores import many_tees
from bench.scenarios.stores.many_tees import Many, compared
from bench.scenarios.stores.same_requests import ITEMS, paths, site
from tests.support.ledger import parse

LINE = "B b seen=5 delivered=4 (200=4) failed=0 dropped=1 (saturated=1) in_flight=0"
LEDGER = {"seen": 10, "delivered": 8, "failed": 0, "dropped": 2, "in_flight": 0, "spooled": 0}


def test_the_merged_ledger_is_the_sum_to_the_unit() -> None:
    found = Many()
    compared(found, {"ledger": [LEDGER], "lost": {"count": 0}}, parse(f"{LINE}\n{LINE}"))
    assert (found.unbalanced, found.held) == (0, True)
    compared(found, {"ledger": [{**LEDGER, "seen": 9}], "lost": {"count": 0}}, parse(f"{LINE}\n{LINE}"))
    assert (found.unbalanced, found.held) == (1, False)


def test_what_is_lost_or_not_judged_or_differs_fails_the_run() -> None:
    assert not Many(lost=1).held
    assert not Many(requests=2, judged=1).held
    assert not Many(differences=["word"]).held


def test_both_sites_have_the_same_routes_and_some_of_them_differ(tmp_path: Path) -> None:
    one, other = site(tmp_path / "a", 0), site(tmp_path / "b", 2)
    assert paths(one) == paths(other)
    assert len(paths(one)) == ITEMS
    content = [{path: (root / "html" / path[1:]).read_text() for path in paths(one)} for root in (one, other)]
    assert sum(content[0][path] != content[1][path] for path in paths(one)) == 2


def test_the_table_says_what_is_the_same() -> None:
    result = {"tables": [many_tees.many_table(Many(8, 4, judged=8, unbalanced=3))]}
    assert many_tees.off("unbalanced")(result) == 3
    assert many_tees.off("differences")(result) == 0
