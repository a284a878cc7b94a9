import math

from httptee.page.plots import MOST, Curve, plots
from tests.page.made import curve


def test_without_two_points_there_is_no_plot():
    assert plots([]) == plots([Curve("", [])]) == plots([curve(points=1), curve("b", points=1)]) == []


def test_a_and_bs_are_on_one_axis_and_a_is_drawn_last():
    rates, times = plots([curve(), curve("canary", rate=400.0)])
    assert [line.number for line in rates.lines] == [1, 0]
    assert [(line.number, line.dashed) for line in times.lines] == [(1, True), (1, False), (0, True), (0, False)]
    assert [label for _, label in rates.grid] == ["0", "250", "500"]
    assert rates.lines[0].path.split() == ["M933", "200L967", "200L1000", "200"]  # 400 of 500
    assert rates.lines[1].path.split()[-1] == "800"


def test_times_are_on_a_logarithmic_axis():
    _, times = plots([curve()])
    assert [label for _, label in times.grid] == ["1 ms", "10 ms"]
    half, most = sorted(times.lines, key=lambda line: line.dashed)
    assert half.path.split()[-1] == "1000"
    assert most.path.split()[-1] == "0"


def test_the_last_values_are_named():
    rates, times = plots([curve(), curve("canary", p50=math.nan, p99=math.nan)])
    assert rates.latest == [(0, "", "100/s"), (1, "canary", "100/s")]
    assert times.latest == [(0, "", "1 ms, 10 ms"), (1, "canary", "-, -")]


def test_a_missing_value_and_a_pause_break_the_line():
    points = [(1000.0, 1.0, 0.1, 0.1), (1010.0, 1.0, math.nan, 0.1), (1020.0, 1.0, 0.1, 0.1), (1090.0, 1.0, 0.1, 0.1)]
    rates, times = plots([Curve("", points)])
    assert rates.lines[0].path.count("M") == 2
    assert times.lines[1].path.count("M") == 3


def test_the_axis_grows_with_what_there_is_up_to_an_hour():
    assert plots([curve(points=3)])[0].ticks[0] == "-5 min"
    assert plots([curve(points=60)])[0].ticks == ["-15 min", "-10 min", "-5 min", "now"]
    assert plots([curve(points=120)])[0].ticks[0] == "-30 min"
    long = plots([curve(points=5000)])[0]
    assert long.ticks == ["-60 min", "-45 min", "-30 min", "-15 min", "now"]
    assert long.lines[0].path.startswith("M0 ")


def test_a_plot_without_any_answer_has_an_axis():
    rates, times = plots([curve(rate=0.0, p50=math.nan, p99=math.nan)])
    assert [label for _, label in rates.grid] == ["0", "0.5", "1"] or rates.grid
    assert all(not line.path for line in times.lines)


def test_only_some_bs_are_drawn():
    assert len(plots([curve(str(number)) for number in range(50)])[0].lines) == MOST + 1
