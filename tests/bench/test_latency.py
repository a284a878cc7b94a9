import pytest

from bench.programs.load import Outcome
from bench.programs.sessions import Sessions
from bench.reports.figures import Figures, Sample
from bench.reports.tables import NOTHING
from bench.scenarios.steady.latency import TARGETS, Line, Pace, Timed, made

PACE = Pace(1000, 16)


def timed(p99, p999, requests=3000, errors=0, b=3000):
    outcome = Outcome(requests, 3.0, 300.0, p99, errors, 400.0, p999)
    cpu = None if b is None else 120.0
    return Timed(Sample(Figures(outcome.rate, 300.0, p99, cpu, None), errors, requests, 3000, b), outcome)


ENVOY = (timed(1000.0, 2000.0),)


def result(ours, envoy=ENVOY):
    lines = [
        Line("direct", PACE, [timed(200.0, 300.0, b=None)]),
        Line("nginx", PACE, [], "not started: it is not here"),
        Line("envoy", PACE, list(envoy)),
        Line("httptee", PACE, list(ours)),
    ]
    return {"tables": [made(PACE, Sessions.OWN, lines)]}


def targets(found):
    return [target for target in TARGETS if target.measure(found) is not None]


def test_a_row_has_the_medians_of_its_rounds_as_multiples_of_envoy_s():
    (table,) = result([timed(p99, 3000.0) for p99 in (900.0, 1500.0, 90_000.0)])["tables"]
    cells = {row[0]: row[1:] for row in table["cells"]}
    ours = ["1,000", "300 µs", "400 µs", "1,500 µs", "1.50", "3,000 µs", "1.50", "120", "100.0 %", ""]
    assert cells["httptee"] == ours
    assert cells["direct"][4:] == ["0.20", "300 µs", "0.15", NOTHING, NOTHING, ""]
    assert cells["nginx"] == [*[""] * 9, "not started: it is not here"]


@pytest.mark.parametrize(("p99", "p999", "held"), [(1100.0, 3000.0, [True, True]), (1101.0, 3001.0, [False, False])])
def test_the_targets_are_multiples_of_envoy_s(p99, p999, held):
    found = result([timed(p99, p999)])
    measured = [(target, target.measure(found)) for target in targets(found)]
    assert [target.holds(figure) for target, figure in measured] == held


@pytest.mark.parametrize(
    ("ours", "said"),
    [
        (timed(1.0, 1.0, requests=2900), "not at this rate"),
        (timed(1.0, 1.0, errors=2), "2 errors"),
        (timed(1.0, 1.0, b=2000), "B got 66.6"),
    ],
)
def test_latencies_of_another_load_are_not_compared(ours, said):
    found = result([ours])
    assert [str(target.measure(found)).startswith(said) for target in targets(found)] == [True, True]


def test_without_envoy_nothing_is_compared():
    found = result([timed(1.0, 1.0)], envoy=())
    assert not targets(found)
