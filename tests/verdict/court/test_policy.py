from math import exp

import pytest

from httptee.verdict.court.policy import Policy, is_safe, sample_share


def test_five_percent_of_the_first_thousand_and_then_one():
    assert [sample_share(judged) for judged in (0, 999, 1000, 10**6)] == [0.05, 0.05, 0.01, 0.01]


def test_the_evidence_that_decides_is_shared_by_the_places_of_a_route():
    assert exp(Policy().enough) == pytest.approx(5000)
    assert exp(Policy(alpha=0.001, keys=10).enough) == pytest.approx(10_000)


def test_only_safe_methods_may_be_repeated():
    assert [Policy().may_repeat(f"{method} /a") for method in ("GET", "HEAD", "OPTIONS", "POST", "TRACE")] == [
        *(True, True, True),
        *(False, False),
    ]
    assert not Policy(repeat=False).may_repeat("GET /a")
    assert is_safe("GET /a")
    assert not is_safe("DELETE /a")


def test_the_margin_is_for_blocks():
    assert Policy(margin=1.2, margin_seconds=0.5).latency_margin == (1.2, 0.5)
