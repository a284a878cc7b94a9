import math
import re

import pytest

from httptee.errors import ConfigError
from httptee.settings.config import load
from httptee.settings.fields import FIELDS
from httptee.settings.settings import Settings
from httptee.settings.shadow_settings import backend_names, descriptions, shadow_settings


def loaded(*words, **environ):
    return load(words, environ)


def only(*words, **environ):
    (shadow,) = shadow_settings(loaded(*words, **environ))
    return shadow


GLOBALS = [
    "-b.percent",
    "30",
    "-b.timeout",
    "700",
    "-b.workers",
    "3",
    "-b.chanSize",
    "9",
    "-b.max-body",
    "5",
    "-b.rewrite",
    "-b.methods",
    "^GET$",
]


@pytest.mark.parametrize(
    "words",
    [
        ("-b", "x spool=redis://h/t", "-b", "y spool=redis://h:6379/t?partitions=4"),
        ("-b", "x spool=redis://h/t", "-record", "redis://h/t"),
        ("-b", "x spool=redis://h/t", "-verdict", "redis://u@h/t"),
        ("-b", "x", "-record", "kafka://h/t", "-verdict", "kafka://h/t"),
    ],
)
def test_each_use_of_an_engine_needs_a_topic_of_its_own(words):
    with pytest.raises(ConfigError, match=r"://h:\d+/t is for .* and for .*: each needs a topic of its own"):
        shadow_settings(loaded("-a", "a", *words))


def test_what_a_line_does_not_say_the_options_do():
    shadow = only("-b", "x", *GLOBALS)
    assert (shadow.timeout, shadow.workers, shadow.backlog) == (0.7, 3, 9)
    assert (shadow.criteria.percent, shadow.criteria.max_body) == (30.0, 5)
    assert shadow.rewrite_host
    assert [one.text for one in shadow.criteria.filters] == ["b.methods=^GET$"]


def test_what_a_line_says_holds_for_that_b_alone():
    line = "x name=n percent=1 timeout=20 workers=2 chan-size=0 max-body=7 host=preserve methods=PUT insecure ca=/c.pem"
    named, other = shadow_settings(loaded("-b", line, "-b", "y", *GLOBALS))
    assert (named.name, named.criteria.percent, named.timeout, named.workers) == ("n", 1.0, 0.02, 2)
    assert (named.backlog, named.criteria.max_body, named.rewrite_host) == (0, 7, False)
    assert [one.text for one in named.criteria.filters] == ["methods=PUT"]
    assert (named.insecure, named.ca) == (True, "/c.pem")
    assert (other.name, other.criteria.percent, other.backlog, other.rewrite_host) == ("http://y", 30.0, 9, True)
    assert (other.insecure, other.ca) == (False, "")


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [("", 0.7), ("timeout=20", 0.02), ("timeout=20 stream-timeout=5000", 5.0), ("stream-timeout=off", math.inf)],
)
def test_a_stream_may_take_as_long_as_an_exchange_unless_its_line_says_otherwise(fields, seconds):
    assert only("-b", f"x {fields}".strip(), *GLOBALS).stream_timeout == seconds


def test_defaults_of_the_value_are_those_of_the_options():
    shadow = only("-b", "x")
    assert (shadow.timeout, shadow.backlog) == (1.0, None)
    assert (shadow.criteria.percent, shadow.criteria.max_body) == (100.0, 1024 * 1024)
    assert not shadow.changes
    assert not shadow.criteria.filters


def test_a_queue_without_a_number_can_be_named_for_one_b_alone():
    first, second = shadow_settings(loaded("-b", "x chan-size=auto", "-b", "y", "-b.chanSize", "9"))
    assert (first.backlog, second.backlog) == (None, 9)


def test_the_same_line_on_the_command_line_in_the_environment_and_in_the_file(tmp_path):
    line = "http://canary:9001 name=canary percent=10 methods=GET,HEAD header='X-A~b;c d'"
    ini = tmp_path / "h.ini"
    ini.write_text(f"b = {line}\nb = http://y\n", encoding="utf-8")
    expected = loaded("-b", line, "-b", "http://y")
    assert loaded("--config", str(ini)) == expected
    assert loaded(HTTPTEE_B=f"{line}; http://y") == expected
    assert loaded(HTTPTEE_B=f"\n{line}\nhttp://y\n") == expected


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        (["x", "y"], ["http://x", "http://y"]),
        (["x", "x", "x"], ["http://x", "http://x#2", "http://x#3"]),
        (["x name=a", "x", "x"], ["a", "http://x", "http://x#2"]),
    ],
)
def test_every_b_has_a_name_of_its_own(lines, names):
    settings = loaded(*(word for line in lines for word in ("-b", line)))
    assert backend_names(settings.b) == names


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (["x name=a", "y name=a"], "B http://y: name: 'a' is already the name of another B"),
        (["x percent=60 split=s", "y percent=60 split=s"], "split=s: its percentages must add up to at most 100: 120"),
        (["x split=s", "y split=s"], "split=s: its percentages must add up to at most 100: 200"),
        (
            ["x percent=1 split=s sticky=path", "y percent=1 split=s"],
            "split=s: all its Bs must have the same sticky, or none of them",
        ),
    ],
)
def test_bs_that_contradict_each_other_are_refused(lines, complaint):
    with pytest.raises(ConfigError, match=re.escape(complaint)):
        loaded(*(word for line in lines for word in ("-b", line)))


def test_the_bs_of_a_split_lie_side_by_side_and_the_last_at_the_end():
    lines = ["x percent=10 split=s", "y percent=20 split=s", "z percent=5", "w percent=30 split=s"]
    shadows = shadow_settings(loaded(*(word for line in lines for word in ("-b", line))))
    shares = [(shadow.criteria.first, shadow.criteria.percent) for shadow in shadows]
    assert shares == [(0, 10), (10, 20), (0, 5), (70, 30)]


def test_descriptions_are_of_those_bs_that_say_more_than_where_they_are():
    settings = loaded("-b", "x", "-b", "y name=n percent=5 set-header=Authorization:sesame")
    assert descriptions(settings) == ["n: http://y name=n percent=5 set-header=Authorization:***"]
    assert descriptions(Settings()) == []


def test_what_is_wrong_with_a_line_names_the_place_the_b_and_the_field(tmp_path):
    ini = tmp_path / "h.ini"
    ini.write_text("a = x\nb = x percent=101\n", encoding="utf-8")
    complaint = "B http://x: percent: must be a number from 0 to 100: '101'"
    for words, environ, place in (
        (["-b", "x percent=101"], {}, "-b"),
        ([], {"HTTPTEE_B": "y; x percent=101"}, "HTTPTEE_B"),
        (["--config", str(ini)], {}, f"{ini}:2: b"),
    ):
        with pytest.raises(ConfigError) as caught:
            load(words, environ)
        assert str(caught.value) == f"{place}: {complaint}"


@pytest.mark.parametrize("text", ["x 'percent=1", 'y; x header="a', "x set-header='Authorization: sesame"])
def test_a_quote_that_is_not_closed_is_refused_everywhere(tmp_path, text):
    ini = tmp_path / "h.ini"
    ini.write_text(f"b = {text}\n", encoding="utf-8")
    for words, environ in ((["-b", text], {}), ([], {"HTTPTEE_B": text}), (["--config", str(ini)], {})):
        with pytest.raises(ConfigError, match="a quote is not closed") as caught:
            load(words, environ)
        assert "sesame" not in str(caught.value)


EFFECTS = [
    "name=n",
    "percent=5",
    "sticky=path",
    "split=s",
    "methods=GET",
    "path=/a",
    "header=X",
    "rate=3/s",
    "timeout=7",
    "stream-timeout=8",
    "workers=1",
    "chan-size=3",
    "max-body=9",
    "host=h",
    "rewrite",
    "set-header=X:1",
    "add-header=X:1",
    "remove-header=X",
    "rewrite-path='/a -> /b'",
    "mark",
    "insecure",
    "ca=/c.pem",
    "upgrade=handshake",
    "cert=/c.pem",
    "key=/k.pem",
    "server-name=b.test",
    "when-a-fails=send",
    "allow-same",
    "ignore='body $.a'",
    "accept=status",
    "route=/users/{id}",
    "spool=/s",
    "spool.max-bytes=7",
    "spool.max-age=7",
    "spool.min-free=7",
    "spool.lane=all",
    "spool.rate=7",
    "spool.fsync=never",
    "spool.ambiguous=never",
    "spool.full=newest",
    "check=/ping",
    "order=connection",
    "only-status=2xx",
    "body=false",
    "idempotent",
    "send-proxy=v1",
]


@pytest.mark.parametrize("field", EFFECTS)
def test_every_field_of_a_line_has_an_effect(field):
    assert only("-b", f"x {field}") != only("-b", "x")


def test_the_fields_with_an_effect_are_all_fields():
    assert {re.split("=", field)[0] for field in EFFECTS} == set(FIELDS)


@pytest.mark.parametrize(
    "words", [("-b", "x upgrade=handshake spool=/s"), ("-b", "x upgrade=handshake", "-b.spool", "/s")]
)
def test_a_handshake_is_not_spooled(words):
    with pytest.raises(ConfigError, match="upgrade=handshake and a spool exclude each other"):
        shadow_settings(loaded(*words))
