import pytest

from httptee.verdict.display.style import Style, columns
from httptee.verdict.display.table import table
from tests.verdict.evidence.made import finding, latency, report, route

PLAIN = Style(False, 120)


def shown(*reports, style=PLAIN, at=1000.0, now=1001.0):
    return table(reports, at, style, now)


def test_the_word_the_b_and_the_summary_come_first():
    first = shown(report("NO", "canary", summary="GET /x differs")).splitlines()[0]
    assert first == "NO  B canary: GET /x differs"


def test_the_figures_are_below():
    second = shown(report()).splitlines()[1]
    assert "2,000 clones offered, 99.5 % delivered; 1,500 pairs chosen, 66.7 % judged; 17 repeats to A" in second
    assert "δ 0.1 %, confidence 99 %" in second


def test_a_tee_without_traffic_has_a_report_too():
    assert "0 clones offered, - delivered" in shown(report(offered=0, delivered=0, chosen=0, judged=0))


def test_each_route_has_a_row():
    lines = shown(
        report(routes=[route("GET /a", "YES", equal=1000), route("GET /b", latency=latency("slower", b=0.02))])
    )
    head, first, second = lines.splitlines()[3:6]
    head, first, second = (" ".join(line.split()) for line in (head, first, second))
    assert head == "verdict route share judged differ bound A p50 B p50 A p99 B p99 latency"
    assert first == "NO GET /b 50 % 1,000 20 ≤ 3 % 2 ms 20 ms 10 ms 100 ms slower"
    assert second.startswith("YES GET /a 50 % 1,000 0 ≤")


def test_times_that_are_unknown_are_dashes():
    assert " -  " in shown(report(routes=[route(latency=latency("undecided", a=None, b=None))]))


def test_a_difference_shows_its_place_values_reason_line_and_pairs():
    text = shown(report(routes=[route(findings=[finding(examples=(7, 8), unstable=True)])]))
    assert "  differs    body $.price  value  20 pairs, 20 %, B unstable where A is stable\n" in text
    assert "    A 1.5   B 2.5\n" in text
    assert "    B alone differed in 16 of 16\n" in text
    assert "    see: httptee verdict show 7, 8\n" in text
    assert "    to silence it: ignore='GET /x body $.price'\n" in text


def test_what_is_missing_and_noted_is_listed():
    text = shown(
        report(
            "NOT YET",
            missing=("accept what is constant",),
            notes=("B's state may lag",),
            routes=[route(word="NOT YET", missing=("the bound is 3 %",), more=4431)],
        )
    )
    assert "  missing: accept what is constant\n" in text
    assert "  note: B's state may lag\n" in text
    assert "  missing: the bound is 3 %\n" in text


def test_every_difference_that_needs_a_look_is_there_and_few_of_the_others():
    findings = [finding("differs", f"$.d{number}") for number in range(50)]
    findings += [finding("noise", f"$.n{number}") for number in range(20)]
    text = shown(report(routes=[route(findings=findings)]))
    assert text.count("differs    body $.d") == 50
    assert text.count("noise      body $.n") == 8
    assert "and 12 more that are explained" in text


def test_very_many_routes_are_counted():
    text = shown(report(routes=[route(f"GET /{number}", "YES") for number in range(500)]))
    assert "and 460 more routes" in text


def test_all_bs_follow_each_other():
    text = shown(report("NO", "one"), report("YES", "two"))
    assert text.index("NO  B one") < text.index("YES  B two")


def test_without_a_report_it_is_not_yet():
    assert table([], None, PLAIN) == "NOT YET  no report yet\n"


def test_old_figures_are_said_to_be_old():
    assert "These figures are 10 minutes old" in shown(report(), now=1600.0)
    assert "old" not in shown(report(), now=1030.0)


def test_a_terminal_gets_colors():
    text = shown(report("NO", routes=[route(word="YES"), route(word="NOT YET")]), style=Style(True, 120))
    assert text.startswith("\x1b[31;1mNO\x1b[0m")
    assert "\x1b[32mYES    \x1b[0m" in text
    assert "\x1b[33mNOT YET\x1b[0m" in text


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_long_route_is_cut_to_the_width(width):
    text = shown(report(routes=[route("GET /" + "x" * 300)]), style=Style(False, width))
    row = text.splitlines()[4]
    assert "…" in row
    assert columns(row) <= max(width, 120)


def test_nothing_from_a_server_steers_the_terminal():
    odd = "\x1b[2J"
    text = shown(
        report(
            "NO", odd, summary=odd, notes=(odd,), missing=(odd,),
            routes=[route(odd, findings=[finding(path=odd, a=odd, b=odd, reason=odd, line=odd)], missing=(odd,),
                          latency=latency("slower", odd))],
        )
    )  # fmt: skip
    assert "\x1b" not in text
