"""The bench's arithmetic and its reading of what others print. Nothing is started here."""

from __future__ import annotations

import os

import pytest

from bench.programs import measure
from bench.programs.backends import parse_stub_status
from bench.programs.load import parse_hey, parse_wrk
from bench.programs.processes import BenchError, NotStartedError
from bench.programs.subjects import choose, peer
from bench.reports import report, targets
from bench.reports.figures import Figures, Row, Sample, notes, percent, ratio, row_json
from bench.scenarios import influx
from bench.scenarios.tees import rotated, workloads

HEY = """
Summary:
  Total:\t2.0021 secs
  Requests/sec:\t14960.1234

Latency distribution:
  10%% in 0.0004 secs
  50%% in 0.0014 secs
  99%% in 0.0124 secs

Status code distribution:
  [200]\t29900 responses
  [502]\t20 responses

Error distribution:
  [3]\tGet "http://127.0.0.1:1/": dial tcp 127.0.0.1:1: connect: connection refused
"""


def sample(rate: float = 1000.0, errors: int = 0, requests: int = 1000, a: int = 1000, b: int | None = 1000) -> Sample:
    return Sample(Figures(rate, 100.0, 200.0, 50.0, 7e6), errors, requests, a, b)


def test_wrk_result_is_found_among_its_other_output() -> None:
    outcome = parse_wrk("Running 1s test\n  Requests/sec: 9\nRESULT 28579 1000362 433.0 918.5 7\n")
    assert (outcome.requests, outcome.p50, outcome.p99, outcome.errors) == (28579, 433.0, 918.5, 7)
    assert outcome.rate == pytest.approx(28568.7, abs=0.1)


def test_wrk_without_a_result_is_an_error_that_shows_what_it_said() -> None:
    with pytest.raises(BenchError, match="unable to connect"):
        parse_wrk("unable to connect to 127.0.0.1:1")


def test_hey_counts_bad_statuses_and_failed_requests_as_errors() -> None:
    outcome = parse_hey(HEY)
    assert (outcome.requests, outcome.errors) == (29920, 23)
    assert outcome.p50 == pytest.approx(1400.0)
    assert outcome.p99 == pytest.approx(12400.0)


def test_stub_status_gives_the_third_number() -> None:
    page = "Active connections: 2 \nserver accepts handled requests\n 16 16 31 \nReading: 0 Writing: 1 Waiting: 1 \n"
    assert parse_stub_status(page) == 31


def test_cpu_time_is_read_past_a_name_with_brackets() -> None:
    fields = ["S", "1", "42", "42", "0", "-1", "0", "0", "0", "0", "0", "100", "20", "3", "4", "20", "0"]
    assert measure.group_of(fields) == 42
    assert measure.cpu_ticks(fields) == 127


def test_this_process_is_a_member_of_its_group_and_has_memory() -> None:
    assert os.getpid() in measure.members(os.getpgrp())
    assert measure.resident(os.getpid()) > 1_000_000


def test_median_takes_each_figure_by_itself() -> None:
    row = Row("x", (sample(1.0), sample(9.0), sample(2.0)))
    assert row.median is not None
    assert row.median.rate == 2.0


def test_ratio_is_a_multiple_of_the_base() -> None:
    found = ratio(Row("x", (sample(500.0),)), Row("nginx", (sample(1000.0),)))
    assert isinstance(found, dict)
    assert found["rate"] == 0.5


def test_missing_clones_stand_in_place_of_the_ratio() -> None:
    bad, good = Row("x", (sample(b=990),)), Row("nginx", (sample(),))
    assert ratio(bad, good) == "B got 99.0 %"
    assert ratio(good, bad) == "x's B got 99.0 %"


def test_a_tied_tee_is_excused_only_for_the_requests_the_load_hung_up_on() -> None:
    excused = Row("nginx", (sample(requests=1000, a=1050, b=1000),), tied=True)
    assert excused.comparable
    assert "50 clones missing" in notes(excused)[0]
    assert not Row("nginx", (sample(requests=1000, a=1050, b=990),), tied=True).comparable
    assert not Row("nginx", (sample(requests=1050, a=1050, b=1000),), tied=True).comparable


def test_any_other_tee_is_not_excused() -> None:
    assert not Row("httptee", (sample(requests=1000, a=1050, b=1000),)).comparable


def test_a_row_without_b_is_comparable_and_without_runs_is_not() -> None:
    assert Row("direct", (sample(b=None),)).comparable
    assert not Row("httptee", (), "not started").comparable


def test_percent_never_rounds_up_to_the_whole() -> None:
    assert percent(0.99999) == "99.9 %"


def test_errors_star_every_figure_of_their_row() -> None:
    row = row_json(Row("x", (sample(errors=3), sample())), [])
    text = report.tees_table({"title": "GET", "rows": [row]})
    assert "1,000*" in text
    assert "3 errors in 1 of 2 runs" in text


def test_a_row_that_did_not_start_says_why() -> None:
    row = row_json(Row("envoy", (), "not started: no Envoy"), [])
    assert "not started: no Envoy" in report.tees_table({"title": "GET", "rows": [row]})


def test_splice_replaces_only_what_is_between_its_markers() -> None:
    page = "a\n<!-- bench:tees -->\nold\n<!-- /bench:tees -->\nz\n"
    once = report.splice(page, "tees", "new")
    assert once == "a\n<!-- bench:tees -->\n\nnew\n\n<!-- /bench:tees -->\nz\n"
    assert report.splice(once, "tees", "new") == once
    with pytest.raises(BenchError, match="bench:influx"):
        report.splice(page, "influx", "new")


def test_large_and_bulky_cases_keep_their_own_number_of_connections() -> None:
    found = [(one.case.key, one.connections) for one in workloads(["get", "get1m"], [1, 32])]
    assert found == [("get", 1), ("get", 32), ("get1m", 8)]


def test_rounds_begin_with_another_subject_each() -> None:
    subjects = choose(["direct", "nginx", "envoy"], [])
    assert [rotated(subjects, n)[0].name for n in range(4)] == ["direct", "nginx", "envoy", "direct"]


def test_a_peer_takes_part_beside_the_chosen_subjects() -> None:
    names = [subject.name for subject in choose(None, ["go=tee -l {listen} -a {a} -b {b}"], ["direct", "httptee"])]
    assert names == ["direct", "httptee", "go"]


def test_a_peer_without_a_place_to_listen_is_refused() -> None:
    with pytest.raises(BenchError, match="listen"):
        peer("go=tee -a {a}")


def test_a_peers_command_is_filled_in_word_by_word() -> None:
    starter = peer("go=env X=1 tee -l {listen} -a 127.0.0.1:{a_port} -b {b}").starter
    assert starter is not None
    argv = starter(None, 80, 81, 82).argv  # type: ignore[arg-type]
    assert argv == ["env", "X=1", "tee", "-l", "127.0.0.1:80", "-a", "127.0.0.1:81", "-b", "http://127.0.0.1:82"]
    with pytest.raises(NotStartedError):
        starter(None, 80, 81, None)  # type: ignore[arg-type]


def test_influx_writes_are_summed_over_its_listeners() -> None:
    variables = {"httpd::1": {"name": "httpd", "values": {"writeReq": 7}}, "cmdline": ["x"], "memstats": {"Alloc": 1}}
    assert influx.writes(variables) == 7


def test_targets_compare_with_the_bound_and_leave_open_what_was_not_run() -> None:
    rows = [row_json(Row("nginx", (sample(1000.0),)), []), row_json(Row("httptee", (sample(700.0),)), [])]
    result = {"kind": "tees", "tables": [{"title": "GET small, 32 connections", "rows": rows}]}
    lines = targets.verdicts([result]).splitlines()
    assert [cell.strip() for cell in lines[2].split("|")[2:5]] == ["at least 0.65", "0.70", "yes"]
    assert "not measured" in lines[3]


def test_targets_do_not_excuse_our_own_missing_clones() -> None:
    ours = row_json(Row("httptee", (sample(requests=900, a=1000, b=950),)), [])
    result = {"tables": [{"title": "GET", "rows": [ours, row_json(Row("nginx", (sample(),)), [])]}]}
    assert targets.ratio("GET", "rate", "nginx")(result) == "B got 95.0 %"
