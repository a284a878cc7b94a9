import json

import pytest

from httptee.page import parts as module
from httptee.page.parts import LIVE, SLOW, Parts
from tests.page.made import curve, view
from tests.verdict.evidence.made import finding, report, route


@pytest.fixture
def made(monkeypatch):
    """The parts under a clock that a test moves, and how often the view was taken."""

    class Made:
        now = 100.0
        taken = 0
        view = view()
        curves = (curve(),)

        def take(self):
            self.taken += 1
            return self.view

        def part(self, name):
            return json.loads(self.parts.part(name))

    made = Made()
    monkeypatch.setattr(module, "monotonic", lambda: made.now)
    made.parts = Parts(made.take, lambda: made.curves)
    return made


def test_the_state_is_taken_at_most_once_a_second_for_all_readers(made):
    for _ in range(5):
        made.part("live")
        made.parts.whole()
    assert made.taken == 1
    made.now += 1
    made.part("plots")
    assert made.taken == 2


def test_the_live_part_has_the_versions_of_the_others(made):
    first = made.part("live")
    assert list(first["sections"]) == list(LIVE)
    assert list(first["versions"]) == list(SLOW)
    made.now += 1
    assert made.part("live")["versions"] == first["versions"]
    made.curves = (curve(points=4),)
    made.now += 1
    later = made.part("live")["versions"]
    assert [name for name in SLOW if later[name] != first["versions"][name]] == ["plots"]


def test_the_verdict_is_made_anew_at_most_every_five_seconds(made):
    made.view = view(reports=[report(routes=[route(findings=[finding(path="$.old")])])], at=1.0)
    assert "$.old" in made.part("verdict")["sections"]["verdict"]
    made.view = view(reports=[report(routes=[route(findings=[finding(path="$.new")])])], at=2.0)
    made.now += 2
    assert "$.old" in made.part("verdict")["sections"]["verdict"]
    made.now += 4
    assert "$.new" in made.part("verdict")["sections"]["verdict"]


def test_the_whole_page_has_every_part(made):
    whole = made.parts.whole()
    for name in (*LIVE, *SLOW):
        assert f'<div id="{name}">' in whole
        assert made.part("live" if name in LIVE else name)["sections"][name] in whole
