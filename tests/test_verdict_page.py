"""docs/verdict.md: its tables and thresholds are those of the program."""

import re
from dataclasses import replace
from math import log

from httptee.settings.options import VERDICT_OPTIONS
from httptee.verdict.court import Policy
from httptee.verdict.court.bets import log_evidence, pairs_needed, staked_log_evidence, stakes
from httptee.verdict.court.latency import MOST_ODDS
from httptee.verdict.court.report import LABELS
from httptee.verdict.court.rules import KINDS
from tests.support.house import ROOT

PAGE = (ROOT / "docs" / "verdict.md").read_text(encoding="utf-8")
TEXT = " ".join(PAGE.split())


def table(first):
    """The rows below the one that begins with this cell."""
    lines = PAGE[PAGE.index(f"\n| {first} |") + 1 :].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def words(first):
    return {word for row in table(first) for word in re.findall(r"`(\w+)`", row[0])}


def in_a_row(enough):
    """How many coins that fall on one side it takes for this evidence."""
    return next(n for n in range(100) if log_evidence(n, n) >= enough)


def test_the_option_table_has_every_option_of_the_verdict_with_its_default():
    found = [(row[0].strip("`-"), row[1].strip("`")) for row in table("option")]
    assert found == [(option.name, option.default) for option in VERDICT_OPTIONS]


def test_every_label_and_every_kind_is_explained():
    assert words("label") == set(LABELS) - {"same"}  # nothing is listed as the same
    assert words("kind") == set(KINDS)


def test_the_pairs_that_it_takes_are_those_that_the_program_says():
    for delta, none, one in table("`-verdict.delta`"):
        bound = replace(Policy(), delta=float(delta) / 100)
        found = [f"{pairs_needed(k, bound.delta, bound.alpha_same):,}" for k in (0, 1)]
        assert found == [none, one]


def test_the_coins_that_it_takes_are_those_that_the_program_takes():
    policy = Policy()
    assert f"E ≥ {policy.keys} / {policy.alpha} = {policy.keys / policy.alpha:,.0f}" in TEXT
    assert f"That takes {in_a_row(policy.enough)} in a row for B, or 20 against 1." in TEXT
    assert log_evidence(20, 21) >= policy.enough > log_evidence(19, 20)
    far = [(n * MOST_ODDS, [n * stake for stake in stakes(MOST_ODDS)]) for n in range(100)]
    tosses = next(n for n, coins in enumerate(far) if staked_log_evidence(*coins) >= log(1 / policy.alpha_latency))
    assert f"E ≥ {1 / policy.alpha_latency:,.0f}, which is {tosses} blocks in a row" in TEXT
    assert f"{policy.margin:.2f} \u00d7 A + {1000 * policy.margin_seconds:.0f} ms" in TEXT
