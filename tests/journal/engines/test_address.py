import re

import pytest

from httptee.journal.engines import is_engine_address, open_engine, parse_address


def test_an_address_says_what_it_can():
    address = parse_address(
        "kafka://me@one:1,[::1]:2,three/a.b_c-d?partitions=4&password-file=/run/p&tls=1&ca=/ca&cert=/c&key=/k"
    )
    assert address.scheme == "kafka"
    assert address.hosts == (("one", 1), ("::1", 2), ("three", 9092))
    assert (address.user, address.topic, address.partitions) == ("me", "a.b_c-d", 4)
    assert (address.tls, address.ca, address.cert, address.key) == (True, "/ca", "/c", "/k")
    assert address.label == "kafka://one:1,[::1]:2,three:9092/a.b_c-d"


def test_an_address_needs_little():
    address = parse_address("redis://host/traffic")
    assert (address.hosts, address.partitions, address.tls) == ((("host", 6379),), 16, False)
    assert parse_address("rediss://host/traffic").tls


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("redis:host/topic", "expected redis://HOST/TOPIC"),
        ("http://host/topic", "expected redis://HOST/TOPIC"),
        ("redis://host", "expected a topic"),
        ("redis://host/", "expected a topic"),
        ("redis://host/a/b", "expected a topic"),
        ("redis://host/{a}", "expected a topic"),
        ("kafka://host/..", "expected a topic"),
        ("redis:///topic", "expected HOST or HOST:PORT"),
        ("redis://host:0/topic", "expected HOST or HOST:PORT"),
        ("redis://host:70000/topic", "expected HOST or HOST:PORT"),
        ("redis://host:x/topic", "expected HOST or HOST:PORT"),
        ("redis://one,two/topic", "expected one host"),
        ("kafka://one,,two/topic", "expected HOST or HOST:PORT"),
        ("redis://host/topic?partitions=0", "expected a number from 1 to 1024"),
        ("redis://host/topic?partitions=x", "expected a number from 1 to 1024"),
        ("redis://host/topic?parts=1", "expected one of partitions, password-file, tls, ca, cert, key, sasl"),
        ("redis://host/topic?tls=yes", "expected 0 or 1"),
        ("redis://host/topic?tls=1", "say rediss://"),
        ("redis://host/topic?ca=/x", "ca, cert and key are for TLS"),
        ("rediss://host/topic?tls=0", "say redis://"),
        ("rediss://host/topic?ca=", "expected a file"),
        ("kafka://host/topic?sasl=NONE", "expected one of SCRAM-SHA-512, SCRAM-SHA-256, PLAIN"),
        ("kafka://me@host/topic?sasl=PLAIN", "say tls=1"),
    ],
)
def test_a_wrong_address_is_refused_with_what_was_expected(text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "redis://me:hush@host/topic",
        "redis://:hush@host/topic",
        "redis://me%3Ahush@host/topic",
        "redis://host/topic?password=hush",
        "redis://host/topic?Password=hush",
        "redis://me:hush@host:6379:7/topic",
        "redis://me:hu@hush@host/topic",
        "redis://me:hush@host",
        "redis//me:hush@host/topic",
        "redis://me:hush/@host/topic",
        "redis://me:hush#@host/topic",
        "redis://me:hush?@host/topic",
    ],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(text):
    with pytest.raises(ValueError) as caught:
        parse_address(text)
    assert "hush" not in str(caught.value)


def test_the_refusal_says_where_the_password_goes():
    with pytest.raises(ValueError, match=r"password-file=FILE.*HTTPTEE_ENGINE_PASSWORD"):
        parse_address("redis://me:hush@host/topic")


def test_the_password_comes_from_the_file_or_from_the_environment(monkeypatch, tmp_path):
    file = tmp_path / "password"
    file.write_text("from the file\n")
    monkeypatch.setenv("HTTPTEE_ENGINE_PASSWORD", "from the environment")
    assert parse_address("redis://host/topic").password() == "from the environment"
    address = parse_address(f"redis://host/topic?password-file={file}")
    assert address.password() == "from the file"
    file.write_text("another")
    assert address.password() == "another"


def test_a_file_that_is_not_there_is_named(tmp_path):
    missing = tmp_path / "none"
    with pytest.raises(ValueError, match=re.escape(f"password-file {missing}: No such file")):
        open_engine(f"redis://host/topic?password-file={missing}")
    with pytest.raises(ValueError, match=re.escape(str(missing))):
        open_engine(f"rediss://host/topic?ca={missing}")
    missing.write_text("no certificate")
    with pytest.raises(ValueError, match=re.escape(str(missing))):
        open_engine(f"rediss://host/topic?ca={missing}")


@pytest.mark.parametrize(
    ("text", "meant"), [("redis://h/t", 1), ("REDIS://", 1), ("kafka://", 1), ("/var/lib/x", 0), ("redis", 0)]
)
def test_what_is_meant_as_an_address(text, meant):
    assert is_engine_address(text) == bool(meant)


def test_a_group_has_a_name_that_fits_into_keys():
    with pytest.raises(ValueError, match="expected a name"):
        open_engine("redis://host/topic").join("a:b")
