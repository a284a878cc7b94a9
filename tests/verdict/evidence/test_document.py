import dataclasses
import json
import math
import re

import pytest

from httptee.verdict.court import Finding, LatencyReport, Report, RouteReport
from httptee.verdict.evidence.document import SCHEMA, as_json, document, report_as_dict, report_of, worst
from httptee.version import __version__
from tests.support.house import ROOT
from tests.verdict.evidence.made import finding, latency, report, route

WHOLE = report(
    routes=[
        route(findings=[finding(examples=(1, 2)), finding("noise", evidence=math.inf)], missing=("more",), more=12),
        route("GET /y", "YES", latency=latency(a=None)),
    ],
    missing=("a", "b"),
    notes=("c",),
)


def test_a_report_comes_back_through_json():
    assert report_of(json.loads(as_json(report_as_dict(WHOLE)))) == WHOLE


def test_json_has_no_number_that_is_not_finite():
    text = as_json({"a": [math.inf, -math.inf, math.nan, 1.5], "b": (1,)})
    assert json.loads(text) == {"a": [None, None, None, 1.5], "b": [1]}


def test_unknown_fields_are_left_out_and_optional_ones_may_be_missing():
    found = report_as_dict(WHOLE) | {"new": 1}
    del found["notes"]
    assert report_of(found).notes == ()


@pytest.mark.parametrize("found", [None, 3, [], {}, {"routes": 3}, {"routes": [1]}, {"word": "NO"},
                                   {**report_as_dict(WHOLE), "routes": [{}]}])  # fmt: skip
def test_what_is_no_report_is_a_value_error(found):
    with pytest.raises(ValueError, match="not a report"):
        report_of(found)


@pytest.mark.parametrize(
    ("words", "word"),
    [(["YES", "NO", "NOT YET"], "NO"), (["YES", "NOT YET"], "NOT YET"), (["YES", "YES"], "YES"), ([], "NOT YET"),
     (["strange"], "NOT YET")],
)  # fmt: skip
def test_the_worst_word_counts(words, word):
    assert worst(words) == word


def test_the_document_says_what_it_is():
    reports = [report_as_dict(report("YES")), report_as_dict(report("NOT YET"))]
    found = document(reports, 12.5, directory="/d")
    assert found == {"schema": SCHEMA, "version": __version__, "at": 12.5, "word": "NOT YET", "directory": "/d",
                     "reports": reports}  # fmt: skip


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("reports[]", Report),
        ("reports[].routes[]", RouteReport),
        ("reports[].routes[].latency", LatencyReport),
        ("reports[].routes[].findings[]", Finding),
    ],
)
def test_the_page_on_the_evidence_names_every_field(key, kind):
    page = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith(f"| `{key}` |"))
    named = set(re.findall(r"`(\w+)`", row.partition(" | ")[2]))
    assert {field.name for field in dataclasses.fields(kind)} <= named
