import json
import os
import subprocess
import sys
import threading

import pytest

from httptee.commands.cli import main
from httptee.commands.verdict import command as module
from httptee.commands.verdict import merged
from httptee.verdict.court import Again
from httptee.verdict.evidence import Evidence
from httptee.verdict.fleet.standing import VERDICT
from tests.support.engine import MemoryEngine
from tests.support.process import clean_environment
from tests.verdict.evidence.made import PRICE, finding, outcome, pair, report, request, route


@pytest.fixture
def evidence(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("HTTPTEE_")]:
        monkeypatch.delenv(name)
    made = Evidence(str(tmp_path / "evidence"), max_age=1e12)
    yield made
    made.close()


@pytest.fixture
def run(evidence, capsys):
    """Runs the command on the evidence; its status, output and complaints."""

    def command(*words, place=True):
        status = main(["verdict", *words, *([evidence.directory] if place else [])])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return status, out, err

    return command


@pytest.mark.parametrize(
    ("words", "status", "word"),
    [([], 3, "NOT YET"), (["YES"], 0, "YES"), (["NO"], 1, "NO"), (["NOT YET"], 3, "NOT YET"),
     (["YES", "NOT YET"], 3, "NOT YET"), (["YES", "NO", "NOT YET"], 1, "NO")],
)  # fmt: skip
def test_the_exit_status_is_that_of_the_worst_word(evidence, run, words, status, word):
    evidence.publish([report(said, f"b{number}") for number, said in enumerate(words)])
    got, out, err = run()
    assert (got, err) == (status, "")
    assert word in out
    assert out.endswith("\n")


def test_one_b_can_be_picked(evidence, run):
    evidence.publish([report("NO", "one"), report("YES", "two")])
    status, out, _ = run("--b", "two")
    assert status == 0
    assert "B one" not in out
    status, out, err = run("--b=three")
    assert (status, out) == (2, "")
    assert "no report on 'three'; the Bs are one, two" in err


def test_json_is_the_document(evidence, run):
    evidence.publish([report("YES", "one"), report("NO", "two", routes=[route(findings=[finding()])])])
    status, out, _ = run("--json")
    found = json.loads(out)
    assert status == 1
    assert (found["schema"], found["word"], found["directory"]) == (1, "NO", evidence.directory)
    assert found["reports"][1]["routes"][0]["findings"][0]["path"] == "$.price"
    assert json.loads(run("--json", "--b=one")[1])["word"] == "YES"


def test_a_page_is_written(evidence, run, tmp_path):
    evidence.publish([report("NO", routes=[route(findings=[finding()])])])
    status, out, _ = run("--html", str(tmp_path / "page.html"))
    assert status == 1
    assert out.startswith("NO")
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("page")] == ["page.html"]


def test_a_page_may_go_to_standard_output(run):
    status, out, _ = run("--html=-")
    assert status == 3
    assert out.startswith("<!DOCTYPE html>")
    assert out.endswith("</html>\n")


@pytest.mark.parametrize("name", ["/nowhere/page.html", "/", "a\0b"])
def test_a_page_that_cannot_be_written_is_one_line(run, name):
    status, _, err = run("--html", name)
    assert status == 4
    assert err.count("\n") == 1


# --- Waiting --------------------------------------------------------------------------------------------------------


def test_waiting_ends_with_the_decision(evidence, run, monkeypatch):
    words = iter(["NOT YET", "NOT YET", "NO"])
    monkeypatch.setattr(module.time, "sleep", lambda _: evidence.publish([report(next(words))]))
    evidence.publish([report("NOT YET")])
    assert run("--wait")[0] == 1
    assert list(words) == []


def test_waiting_ends_with_the_time(evidence, run, monkeypatch):
    slept = []
    monkeypatch.setattr(module.time, "sleep", slept.append)
    monkeypatch.setattr(module.time, "monotonic", lambda: sum(slept))
    evidence.publish([report("NOT YET")])
    assert run("--wait", "2.25")[0] == 3
    assert slept == [0.5, 0.5, 0.5, 0.5, 0.25]
    slept.clear()
    assert run("--wait=1m")[0] == 3
    assert sum(slept) == 60.0


def test_waiting_is_for_one_b_where_one_is_picked(evidence, run):
    evidence.publish([report("NOT YET", "one"), report("YES", "two")])
    assert run("--wait", "--b=two")[0] == 0


def test_waiting_gives_up_where_nothing_can_be_read(run, monkeypatch, tmp_path):
    slept = []
    monkeypatch.setattr(module.time, "sleep", slept.append)
    monkeypatch.setattr(module.time, "monotonic", lambda: sum(slept))
    assert run("--wait", str(tmp_path / "nowhere"), place=False)[0] == 4
    assert sum(slept) == 10.0


def test_an_interrupt_ends_the_waiting(evidence, run, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module.time, "sleep", interrupt)
    assert run("--wait") == (130, "", "")


# --- One mismatch ---------------------------------------------------------------------------------------------------


@pytest.fixture
def stored(evidence):
    asked = request("/x?token=abc", [("Authorization", "Bearer abc123")], b"\x00\xff", "POST")
    evidence.add(pair(7, asked=asked), [PRICE], Again(outcome(), outcome(), 1001.0))
    evidence.publish([report("NO", routes=[route(findings=[finding(id="f1"), finding(id="f2", path="$.gone")])])])
    return evidence


@pytest.mark.parametrize("name", ["7", "f1"])
def test_a_mismatch_is_shown_by_its_number_or_its_difference(stored, run, name):
    status, out, _ = run("show", name)
    assert status == 0
    assert out.startswith("pair 7  B b  GET /x\n")
    assert '"price": 1.5' in out


def test_a_mismatch_can_be_sent_again(stored, run):
    status, out, _ = run("show", "7", "--curl", "--to", "http://b:1")
    assert status == 0
    assert out.startswith("# POST of pair 7\n")
    assert "printf %s AP8= | base64 -d |\n" in out
    assert "'http://b:1''/x?token='\"$TOKEN\"" in out
    status, out, _ = run("show", "7", "--har")
    assert status == 0
    assert json.loads(out)["log"]["entries"][0]["request"]["method"] == "POST"


@pytest.mark.parametrize(
    ("name", "said"),
    [("8", "no pair 8 is kept"), ("f2", "no pair is kept for the difference f2"),
     ("f3", "no pair and no difference f3"), ("9" * 30, "no pair and no difference"), ("\x1b[2J", "\\x1b[2J")],
)  # fmt: skip
def test_a_mismatch_that_is_not_kept_is_one_line(stored, run, name, said):
    status, out, err = run("show", name)
    assert (status, out, err.count("\n")) == (4, "", 1)
    assert said in err


def test_what_was_not_kept_cannot_be_sent(tmp_path, capsys):
    evidence = Evidence(str(tmp_path), max_age=1e12, keep="paths")
    evidence.add(pair(7), [PRICE])
    evidence.close()
    assert main(["verdict", "show", "7", "--curl", str(tmp_path)]) == 4
    assert "only the paths are kept" in capsys.readouterr().err


# --- Rules ----------------------------------------------------------------------------------------------------------


def test_the_rules_of_each_b_are_printed(run):
    words = [
        "-a",
        "a",
        "-b",
        "b name=n ignore='GET /users/{id} body $.took_ms # clock' accept='header Server'",
        "-b",
        "c",
    ]
    assert run("rules", *words, place=False) == (
        0,
        "B n http://b\n"
        "  ignore  GET /users/{id}  body $.took_ms  # clock\n"
        "  accept  every route      header server\n"
        "B http://c\n"
        "  no rules: every difference counts\n",
        "",
    )


def test_a_rule_that_is_not_one_is_one_line(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["verdict", "rules", "-a", "a", "-b", "b ignore='nonsense'"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


# --- Where to read, and mistakes ------------------------------------------------------------------------------------


def test_the_configuration_says_where_to_read(evidence, run, tmp_path, monkeypatch):
    evidence.publish([report("YES")])
    (tmp_path / "h.ini").write_text(f"a = a\nverdict = {evidence.directory}\n", encoding="utf-8")
    assert run("--config", str(tmp_path / "h.ini"), place=False)[0] == 0
    monkeypatch.setenv("HTTPTEE_VERDICT", evidence.directory)
    assert run(place=False)[0] == 0


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("127.0.0.1:1", "http://127.0.0.1:1/verdict"),
        (":1", "http://127.0.0.1:1/verdict"),
        ("[::]:1", "http://[::1]:1/verdict"),
    ],
)
def test_without_a_directory_the_admin_listener_is_asked(run, listen, url):
    status, _, err = run("-admin", listen, "-verdict=memory", place=False)
    assert status == 4
    assert url in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "a directory, a URL or -config FILE is missing"),
        (["-verdict", "memory"], "no place to read from"),
        (["a", "b"], "'b' is a second one"),
        (["--nonsense", "a"], "unknown option '--nonsense'"),
        (["--html"], "--html: needs a value"),
        (["--wait=soon", "a"], "--wait: must be a number of seconds"),
        (["show"], "the number of a pair or the id of a difference is missing"),
        (["show", "1", "a", "b"], "one directory"),
        (["show", "1", "a", "--curl", "--har"], "--curl or --har"),
        (["show", "1", "a", "--json"], "unknown option '--json'"),
    ],
)
def test_a_mistake_is_one_line(run, words, said):
    status, out, err = run(*words, place=False)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert said in err


@pytest.mark.parametrize("place", ["/nowhere", "/", "http://127.0.0.1:1", "a\0b"])
def test_a_place_that_cannot_be_read_is_one_line(run, place):
    for words in ([], ["show", "1"]):
        status, out, err = run(*words, place, place=False)
        assert (status, out, err.count("\n")) == (4, "", 1)


def test_a_directory_that_may_not_be_read_is_one_line(evidence, tmp_path):
    evidence.publish([report("YES")])
    script = (
        "import os, sys\n"
        "from httptee.commands.verdict import run_verdict\n"
        "os.setuid(65534)\n"
        "sys.exit(run_verdict(sys.argv[1:], {}))\n"
    )
    if os.getuid():
        pytest.skip("only root can become another user")
    words = [sys.executable, "-c", script, evidence.directory]
    ended = subprocess.run(words, capture_output=True, env=clean_environment(), timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr.count(b"\n")) == (4, b"", 1)


@pytest.mark.parametrize("reports", [[{}], [3], [{"word": "NO", "routes": [{}]}]])
def test_damaged_reports_are_one_line(evidence, run, reports):
    evidence.save("reports", {"at": 1.0, "reports": reports})
    status, out, err = run()
    assert (status, out, err.count("\n")) == (4, "", 1)


@pytest.mark.parametrize("words", [["-h"], ["--help"], ["show", "-h"]])
def test_the_help_is_printed(run, words):
    status, out, _ = run(*words, place=False)
    assert (status, out) == (0, module.USAGE)


def test_a_terminal_without_the_characters_gets_others(evidence, tmp_path):
    evidence.publish([report("NO", routes=[route()])])
    environment = {**clean_environment(), "PYTHONIOENCODING": "ascii"}
    words = [sys.executable, "-m", "httptee", "verdict", evidence.directory]
    ended = subprocess.run(words, capture_output=True, env=environment, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (1, b"")
    assert ended.stdout.startswith(b"NO")


def test_it_can_be_read_while_it_is_written(evidence, run):
    stop = threading.Event()

    def write():
        with_thread = Evidence(evidence.directory, max_age=1e12)
        number = 0
        while not stop.is_set():
            number += 1
            with_thread.add(pair(number, f"GET /{number}"), [PRICE])
            with_thread.publish([report("YES", offered=number)])
        with_thread.close()
        assert with_thread.failures == 0

    evidence.publish([report("YES")])
    evidence.close()
    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert {run()[0] for _ in range(50)} == {0}
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize(
    ("document", "unavailable", "status", "said"),
    [
        (b'{"word": "YES", "reports": [], "at": null}', "", 0, ""),
        (b"", "", 4, "no judge has said anything yet"),
        (b"nonsense", "", 4, "memory://topic: "),
        (b"", "redis://h/t: connection refused", 4, "connection refused"),
    ],
)
def test_the_verdict_over_many_tees_is_read_from_their_engine(document, unavailable, status, said, monkeypatch, capsys):
    engine = MemoryEngine()
    if document:
        engine.put(VERDICT, document)
    engine.unavailable = unavailable
    monkeypatch.setattr(merged, "open_engine", lambda _: engine)
    found = main(["verdict", "redis://h/t", "--json"])
    err = capsys.readouterr().err
    assert found == (3 if status == 0 else status)  # without a report, nothing is decided
    assert said in err
    assert err.count("\n") == bool(said)


def test_a_pair_of_many_tees_is_where_it_was_judged(monkeypatch, capsys):
    monkeypatch.setattr(merged, "open_engine", lambda _: MemoryEngine())
    assert main(["verdict", "show", "7", "redis://h/t"]) == 4
    assert "the judge that judged it" in capsys.readouterr().err
