import json
import re
from html import unescape
from time import time

import pytest

from httptee.admin.processes import Mounting
from httptee.verdict.evidence import Evidence
from tests.page.made import HOSTILE, curve, filled, page, text, view
from tests.verdict.evidence.made import difference, finding, outcome, pair, report, request, route


def kept(evidence, one, found):
    """The number of a pair that is kept now."""
    assert evidence.add(one, found)
    evidence.flush()
    return one.number


def leaves(value, place=""):
    if isinstance(value, dict):
        return [each for name, one in value.items() for each in leaves(one, f"{place}/{name}")]
    if isinstance(value, list):
        return [each for number, one in enumerate(value) for each in leaves(one, f"{place}/{number}")]
    return [(place[1:], value)]


def test_everything_that_status_says_is_on_the_page():
    shown = view({"recording": {"bytes": 12345, "files": ["x", "y"]}, "spool": {"canary": {"fill": 0.5}}})
    found = re.findall(r'<data value="([^"]*)" data-key="([^"]*)"', text(page(shown)))
    keys = {unescape(key): unescape(value) for value, key in found}
    assert len(keys) > 100
    for place, value in leaves(shown.status):
        if value is not None or place in keys:  # null says that there is none of it
            assert keys.get(place) == said(value), place


def said(value):
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def test_a_list_of_objects_is_a_table():
    files = [{"file": "a.rec", "pid": 41234, "bytes": 3 << 20}, {"file": "b.rec", "pid": 4, "more": {"x": 1}}]
    body = text(page(view({"recording": files})))
    assert '<th scope="col" class="number">bytes</th>' in body
    assert '<data value="3145728" data-key="recording/0/bytes">3 MiB</data>' in body
    assert '<data value="1" data-key="recording/1/more/x">1</data>' in body


def test_a_refused_reload_and_a_certificate_that_ends_soon_are_bad():
    shown = view({"reload": {"at": 1.0, "done": False}, "certificate": {"file": "x.pem", "ends": time() + 86400}})
    body = text(page(shown))
    assert '<div class="bad"><dt>it was</dt><dd>refused' in body
    assert '<div class="bad"><dt>certificate ends</dt>' in body


def test_a_tee_with_a_judge_shows_all_of_it_too(tmp_path):
    evidence = Evidence(str(tmp_path))
    evidence.publish([report("NO", "http://b:2", routes=[route(findings=[finding()])])])
    made = filled(evidence=str(tmp_path))
    shown = made.admin._view()
    keys = re.findall(r'data-key="([^"]*)"', text(page(shown)))
    missing = {place for place, value in leaves(json.loads(json.dumps(shown.status))) if value is not None} - {*keys}
    assert missing == set()
    evidence.close()


def test_a_tee_under_another_server_shows_what_it_has(tmp_path):
    evidence = Evidence(str(tmp_path))
    evidence.publish([report("NO", "http://b:2")])
    made = filled(evidence=str(tmp_path), mounting=Mounting(of_application=True, together=False))
    shown = made.admin._view()
    body = text(page(shown))
    keys = re.findall(r'data-key="([^"]*)"', body)
    missing = {place for place, value in leaves(json.loads(json.dumps(shown.status))) if value is not None} - {*keys}
    assert missing == set()
    assert '<data value="this process alone" data-key="mounted/counted">this process alone</data>' in body
    assert "alone, one of 1: under another server, each process compares its own requests" in body
    assert "last reload" not in body
    assert "httptee ctl</summary>" not in body
    evidence.close()


def test_the_sections_that_other_versions_add_are_shown():
    body = text(page(view({"recording": {"file": "a.rec", "bytes": 12345}})))
    assert '<h2 id="other-1">Recording</h2>' in body
    assert '<data value="12345" data-key="recording/bytes">12.1 KiB</data>' in body
    assert "Recording" not in text(page())


def spooling(**more):
    """A view of a tee whose first B has a spool."""
    shown = view()
    lost = [{"reason": "spool_full", "clones": 7, "from": 1_700_000_000.0, "to": 1_700_000_060.0}]
    spool = {
        "engine": None,
        "state": "catching up", "since": 1_700_000_000.0, "drainer": True, "clones": 12_345, "recovered": 9,
        "bytes": 5 << 20, "fill": 0.25, "oldest": 7265.0, "rate": 250.4, "eta": 49.3, "set_aside": 2, "lost": lost,
        **more,
    }  # fmt: skip
    shown.status["b"][0]["spool"] = spool
    shown.status["b"][0]["ledger"]["spooled"] = spool["clones"]
    shown.status["b"][0]["ledger"]["seen"] += spool["clones"]
    return shown


def test_the_spool_of_a_b_is_on_its_card():
    body = text(page(spooling()))
    assert '<span class="fair"><data value="catching up"' in body
    for place, figure in (
        ("clones", "12,345"),
        ("bytes", "5 MiB"),
        ("fill", "25 %"),
        ("oldest", "2 h 1 min"),
        ("rate", "250"),
        ("eta", "49 s"),
        ("set_aside", "2"),
        ("lost/0/clones", "7"),
        ("lost/0/reason", "spool_full"),
    ):
        assert re.search(f'data-key="b/0/spool/{place}">{figure}</data>', body), place
    assert '<rect class="spooled"' in body
    assert "No drainer process" not in body


def test_a_spool_that_nobody_drains_and_whose_end_is_not_known_says_so():
    body = text(page(spooling(drainer=False, eta=None, rate=0.0, state="spooling")))
    assert "No drainer process" in body
    assert '<dt title="until nothing is spooled, at this rate">level in</dt><dd>not known</dd>' in body
    assert '<span class="bad"><data value="spooling"' in body


def test_why_a_check_fails_and_clones_are_lost_is_in_sight():
    shown = view()
    shown.status["a"]["check"] = {"path": "/ping", "passes": False, "said": "<404>"}
    shown.status["b"][0]["ledger"]["dropped_by_reason"] = {"paused": 2, "cut_off": 30, "closing": 1}
    body = text(page(shown))
    assert '<p class="bad">/ping: &lt;404&gt;</p>' in body
    assert '<span class="reasons">cut off 30, paused 2, …</span>' in body
    assert '<span class="reasons">timeout</span>' in body


def test_the_engine_of_a_spool_is_on_the_card_of_its_b():
    engine = {"up": False, "depth": 1234, "owned": 8, "handed_over": 40, "taken_over": 30}
    shown = spooling(engine=engine)
    shown.status["b"][0]["ledger"]["handed_over"] = 40
    shown.status["b"][0]["ledger"]["seen"] += 40
    body = text(page(shown))
    assert re.search(r'data-key="b/0/spool/engine/depth">1,234</data>', body)
    assert '<rect class="handed_over"' in body
    assert "does not answer" in body
    assert "does not answer" not in text(page(spooling(engine={**engine, "up": True})))
    assert "in the engine" not in text(page(spooling()))


def test_a_b_without_a_spool_has_no_word_of_it_on_its_card():
    assert "spooled" not in text(page()).partition("<details")[0]


def test_what_servers_have_sent_is_text():
    hostile = finding(path=HOSTILE, route="GET /" + HOSTILE, a=HOSTILE, b=HOSTILE, reason=HOSTILE, line=HOSTILE)
    found = report(backend=HOSTILE, summary=HOSTILE, notes=(HOSTILE,), missing=(HOSTILE,))
    shown = view(reports=[report(backend="x", routes=[route(HOSTILE, findings=[hostile])]), found])
    made = page(shown, [curve(), curve(HOSTILE)])
    for path in ("/", "/difference/x/f1", "/page/plots", "/page/verdict"):
        body = text(made, path)
        assert "planted" in body
        assert not re.search(r"<script>|<img|\x00|\x1b|\u202e", body)


def test_a_difference_has_its_reason_its_line_and_its_evidence(tmp_path):
    evidence = Evidence(str(tmp_path))
    number = kept(evidence, pair(backend="canary", at=time()), [difference()])
    found = report(backend="canary", routes=[route(findings=[finding(examples=(99, number))])])
    made = page(view(reports=[found], directory=str(tmp_path)))
    body = text(made, "/difference/canary/f1")
    assert "B alone differed in 16 of 16" in body
    assert "ignore=&#39;GET /x body $.price&#39;" in body
    assert "<mark>1</mark>.5" in body
    assert "curl --globoff" in body
    assert text(made, f"/evidence/{number}").count("<mark>") == 2
    har = made.at(f"/evidence/{number}/har")()
    assert (har.file, json.loads(har.body)["log"]["version"]) == (f"pair-{number}.har", "1.2")
    evidence.close()


def test_a_pair_of_hostile_answers_is_text(tmp_path):
    evidence = Evidence(str(tmp_path))
    html = [("Content-Type", "text/html"), ("X-<b>", HOSTILE.replace("\x00", ""))]
    one = pair(at=time(), asked=request("/<script>"), a=outcome(HOSTILE.encode() * 100, html), b=outcome(b"<b>", html))
    number = kept(evidence, one, [difference("/<i>", a=HOSTILE, b="<b>")])
    body = text(page(view(directory=str(tmp_path))), f"/evidence/{number}")
    assert "planted" in body
    assert not re.search(r"<script>|<img|<b>|<i>|\x00|\x1b|\u202e", body)
    evidence.close()


@pytest.mark.parametrize("path", ["/difference/x/nothing", "/evidence/7", "/evidence/7/har"])
def test_what_is_no_longer_there_is_a_404(path, tmp_path):
    assert page().at(path)().status == "404 Not Found"
    assert page(view(directory=str(tmp_path / "nowhere"))).at(path)().status == "404 Not Found"


@pytest.mark.parametrize(
    "path", ["/page/", "/page/x", "/page/../x", "/evidence/", "/evidence/-1", "/evidence/1e3", "/x"]
)
def test_other_paths_are_not_there(path):
    assert page().at(path) is None


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/page/style.css", "text/css; charset=utf-8"),
        ("/page/script.js", "text/javascript; charset=utf-8"),
        ("/page/icon.svg", "image/svg+xml"),
        ("/page/live", "application/json"),
    ],
)
def test_files_and_parts_have_a_tag(path, kind):
    made = page()
    found = made.at(path)()
    assert (found.kind, found.tag) == (kind, made.at(path)().tag)
    assert found.tag


def test_the_page_itself_is_not_stored():
    assert ("Cache-Control", "no-store") in page().at("/")().fields
