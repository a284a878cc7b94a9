"""The output of the load generators."""

from __future__ import annotations

import pytest

from bench.errors import BenchError
from bench.programs.load import parse_hey, parse_wrk

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


def test_wrk_result_is_found_among_its_other_output() -> None:
    outcome = parse_wrk("Running 1s test\n  Requests/sec: 9\nRESULT 28579 1000362 433.0 918.5 7\n")
    assert (outcome.requests, outcome.p50, outcome.p99, outcome.errors) == (28579, 433.0, 918.5, 7)
    assert outcome.rate == pytest.approx(28568.7, abs=0.1)


def test_wrk_without_a_result_is_an_error_with_its_output() -> None:
    with pytest.raises(BenchError, match="unable to connect"):
        parse_wrk("unable to connect to 127.0.0.1:1")


def test_hey_counts_bad_statuses_and_failed_requests_as_errors() -> None:
    outcome = parse_hey(HEY)
    assert (outcome.requests, outcome.errors) == (29920, 23)
    assert outcome.p50 == pytest.approx(1400.0)
    assert outcome.p99 == pytest.approx(12400.0)
