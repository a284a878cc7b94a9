import argparse

import pytest

from bench.scenarios.middleware import middleware
from bench.scenarios.middleware.middleware import (
    BARE,
    BLACKHOLED,
    FIXED,
    HEALTHY,
    PAGES,
    SATURATED,
    TARGETS,
    WORK,
    Sample,
    half,
    made,
)


def found(page, **rates):
    subjects = {BARE: rates["bare"], HEALTHY: rates["healthy"], BLACKHOLED: rates["blackholed"]}
    return {(page, subject): [Sample(rate, 10.0, 1.0, 2.0)] * 2 for subject, rate in subjects.items()}


@pytest.mark.parametrize(("healthy", "blackholed", "held"), [(91, 96, [True, True]), (89, 94, [False, False])])
def test_the_targets_are_multiples_of_the_bare_application_at_saturation(healthy, blackholed, held):
    rates = found(WORK.title, bare=100.0, healthy=healthy, blackholed=blackholed)
    unlike = found(WORK.title, bare=50.0, healthy=50.0, blackholed=50.0)
    result = {"tables": [made(SATURATED, rates), made(FIXED, unlike)]}
    figures = [target.measure(result) for target in TARGETS]
    assert figures == [healthy / 100, blackholed / 100]
    assert [target.holds(figure) for target, figure in zip(TARGETS, figures, strict=True)] == held


def test_a_row_has_the_medians_of_its_rounds_and_those_of_the_bare_application_beside_them():
    page = PAGES[0].title
    samples = {
        (page, BARE): [Sample(100.0, 200.0, 1000.0, 2000.0)] * 3,
        (page, HEALTHY): [Sample(rate, 250.0, 1100.0, 90_000.0, 1.0) for rate in (10.0, 80.0, 90.0)],
    }
    (_, cells) = made(FIXED, samples)["cells"]
    assert cells == [page, HEALTHY, "80", "0.80", "250", "1.25", "1,100 µs", "90.0 ms", "100.0 %"]


def test_the_fixed_rate_is_half_of_the_bare_median():
    samples = {(page.title, BARE): [Sample(rate, 1.0, 1.0, 1.0) for rate in (10.0, 300.0, 999.0)] for page in PAGES}
    assert half(samples) == {page.title: 150 for page in PAGES}


def test_every_page_is_measured_at_saturation_and_then_at_half_of_the_bare_rate(monkeypatch):
    """The servers are real, the load is not."""
    loads = []

    def measured(workspace, options, page, b, rate=0):
        loads.append((page.title, bool(b), rate))
        return Sample(200.0, 10.0, 1.0, 2.0, 1.0 if b else None)

    monkeypatch.setattr(middleware, "measured", measured)
    monkeypatch.setattr(middleware, "exact", lambda *given: ({"held": True}, ["gthread", *["1"] * 5]))
    monkeypatch.setattr(middleware, "start_backend", lambda workspace, name: argparse.Namespace(url="http://b"))
    result = middleware.run(argparse.Namespace(rounds=2, seconds=1, worker="gthread", workers=2, requests=16))
    assert result.held
    assert [table["title"] for table in result.tables] == [SATURATED, FIXED, middleware.EXACT]
    assert [rate for _, _, rate in loads] == [0] * 18 + [100] * 18
    assert {page for page, b, _ in loads if not b} == {page.title for page in PAGES}
