import logging

import pytest

from httptee.admin.control import Commands
from httptee.build import build_ledger
from httptee.ledger import COMMANDS
from httptee.settings.config import load

WHO = "uid 0, pid 7"
BS = ("-b", "http://b:1 name=canary percent=10", "-b", "http://c:1 name=s1 percent=50 split=x", "-b", "http://d:1")


@pytest.fixture
def made(caplog):
    caplog.set_level(logging.INFO)
    settings = load([*BS, "-control", "/run/x"], {})
    asked = []
    commands = Commands(settings, build_ledger(settings), lambda: asked.append("reload"))
    commands.asked = asked
    return commands


def said(made, *words):
    found = made.obey(words, WHO)
    return ("" if found["done"] else "refused: ") + found["text"]


def orders(made, number=0):
    return made._ledger.orders[number]


def test_a_b_is_paused_and_resumed(made, caplog):
    assert said(made, "pause", "canary") == "canary gets nothing until it is resumed"
    assert orders(made).paused
    assert said(made, "percent", "canary", "20") == "canary gets 20 percent, once it is resumed"
    assert said(made, "resume", "canary") == "canary gets 20 percent"
    assert (orders(made).paused, orders(made).percent) == (False, 20.0)
    assert [record.getMessage() for record in caplog.records] == [
        "control: pause canary: canary gets nothing until it is resumed (uid 0, pid 7)",
        "control: percent canary 20: canary gets 20 percent, once it is resumed (uid 0, pid 7)",
        "control: resume canary: canary gets 20 percent (uid 0, pid 7)",
    ]


def test_the_share_of_the_line_is_no_order(made):
    for word in ("10", "file"):
        said(made, "percent", "canary", "0")
        assert orders(made).percent == 0.0
        assert said(made, "percent", "canary", word) == "canary gets 10 percent, as its line says"
        assert orders(made).percent is None


def test_a_share_of_a_split_cannot_be_ordered(made):
    assert said(made, "percent", "s1", "20") == "refused: s1 has a share of split=x: change that in the file"
    assert said(made, "pause", "s1") == "s1 gets nothing until it is resumed"


def test_the_level_of_the_log_is_ordered(made):
    said(made, "log-level", "debug")
    assert made._ledger.control.level == logging.DEBUG
    said(made, "log-level", "file")
    assert made._ledger.control.level == 0


def test_a_reload_is_asked_for_and_counts_tell_its_end(made):
    assert made.obey(["reload"], WHO)["reloads"] == {"done": 0, "refused": 0}
    assert made.asked == ["reload"]


def test_status_is_that_of_the_page_and_makes_no_line(made, caplog):
    found = made.obey(["status"], WHO)["status"]
    assert [(b["name"], b["percent"]) for b in found["b"]] == [("canary", 10.0), ("s1", 50.0), ("http://d:1", 100.0)]
    assert not caplog.records


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["stop"], "unknown command stop"),
        (["pause"], "pause takes 1 further words"),
        (["reload", "now"], "reload takes no further words"),
        (["pause", "nobody"], "unknown B nobody; the Bs: canary, s1, http://d:1"),
        (["pause", "a\nb\x1b"], r"unknown B 'a\nb\x1b'"),
        (["percent", "canary", "101"], "percent: must be a number from 0 to 100"),
        (["percent", "canary", "nan"], "percent: must be"),
        (["log-level", "loud"], "log-level: must be debug, info, warning, error or file: loud"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line_and_changes_nothing(made, caplog, words, why):
    assert why in said(made, *words)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().isprintable()
    assert not any(each.paused or each.percent for each in made._ledger.orders)
    counted = {key for key, count in made._ledger.control.commands.items() if count}
    assert counted == ({(words[0], "refused")} if words[0] in COMMANDS else set())
