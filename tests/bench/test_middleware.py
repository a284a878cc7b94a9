import pytest

from bench.scenarios.middleware.middleware import BARE, BLACKHOLED, HEALTHY, PAGES, TARGETS, Row, made


def result(healthy, blackholed):
    page = PAGES[1].title
    rates = {BARE: 100.0, HEALTHY: healthy, BLACKHOLED: blackholed}
    return {"tables": [made([Row(page, subject, (rate, rate), (1.0, 2.0)) for subject, rate in rates.items()])]}


@pytest.mark.parametrize(("healthy", "blackholed", "held"), [(91, 96, [True, True]), (89, 94, [False, False])])
def test_the_targets_are_multiples_of_the_bare_application(healthy, blackholed, held):
    figures = [target.measure(result(healthy, blackholed)) for target in TARGETS]
    assert figures == [healthy / 100, blackholed / 100]
    assert [target.holds(figure) for target, figure in zip(TARGETS, figures, strict=True)] == held
