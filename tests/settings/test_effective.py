import pytest

from httptee.settings.config import load
from httptee.settings.effective import effective_lines, effective_options
from httptee.settings.options import OPTIONS
from httptee.settings.settings import Settings


def test_the_defaults_are_those_of_the_table():
    found = effective_options(Settings())
    assert list(found) == [option.name for option in OPTIONS]
    for option in OPTIONS:
        value = found[option.name]
        if option.default == "auto" and value != "auto":
            assert value == option.cast("auto")
        elif option.name == "a":
            assert value == "http://localhost:8080"
        elif option.repeatable:
            assert value == []
        elif option.boolean:
            assert value is False
        else:
            assert str(value).removesuffix(".0") == option.default


def test_options_have_their_own_names_and_units_and_can_be_set_again():
    words = ["-a.timeout=5s", "-no-via", "-debug", "-b.max-body=64k", "-b.chanSize=7", "-b.methods=^GET$", "-p=2.5"]
    recorded = ["-record.secret", "pin", "-record.secret", "iban", "-record.only", "methods=GET path='/a b'"]
    found = effective_options(
        load([*words, "-admin", ":1", "-b.cutoff", "1m", "-b", "x", "-b", "y mark", *recorded], {})
    )
    expected = {"a.timeout": 5000, "no-via": True, "debug": True, "b.max-body": 65536, "b.chanSize": 7}
    expected |= {"b.methods": "^GET$", "b.percent": 2.5, "admin": ":1", "b.cutoff": 60000}
    expected |= {"b": ["http://x", "http://y mark=true"]}
    expected |= {"record.secret": ["pin", "iban"], "record.only": "methods=GET path='/a b'"}
    assert {name: found[name] for name in expected} == expected
    each = {name: value if isinstance(value, list) else [value] for name, value in found.items()}
    again = [f"-{name}={value}" for name, values in each.items() for value in values]
    assert effective_options(load(again, {})) == found


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["-b", "x"],
            "http://x percent=100 max-body=1048576 timeout=1000 stream-timeout=1000 workers=5 chan-size=auto "
            "host=preserve when-a-fails=drop",
        ),
        (
            ["-b", "x name=n timeout=2s methods=GET rewrite rate=3/s", "-b.methods", "P", "-b.chanSize", "9"],
            "http://x name=n timeout=2s methods=GET rewrite=true rate=3/s percent=100 max-body=1048576 "
            "stream-timeout=2000 workers=5 chan-size=9 when-a-fails=drop",
        ),
        (
            ["-b", "x percent=1 stream-timeout=off max-body=1 host=y", "-b.methods", "^P", "-b.timeout", "7"],
            "http://x percent=1 stream-timeout=off max-body=1 host=y b.methods=^P timeout=7 workers=5 chan-size=auto "
            "when-a-fails=drop",
        ),
        (
            ["-b", "x", "-b.rewrite", "-b.insecure", "-p", "0.5"],
            "http://x percent=0.5 max-body=1048576 timeout=1000 stream-timeout=1000 workers=5 chan-size=auto "
            "host=target when-a-fails=drop insecure=true",
        ),
    ],
)
def test_the_line_of_a_b_has_its_fields_and_what_it_takes_from_the_options(words, line):
    assert effective_lines(load(["-b.workers", "5", *words], {})) == [line]


def test_a_line_without_b_methods_is_a_line_that_means_the_same():
    settings = load(["-b.workers=3", "-p=7", "-b.timeout=9", "-b.rewrite", "-b", "x path=/a* mark"], {})
    (line,) = effective_lines(settings)
    assert effective_lines(load(["-b", line], {})) == [line]


def test_nothing_that_may_be_a_credential_is_shown():
    words = ["-b", "x set-header='Authorization: Basic sesame' header=Cookie=sesame", "-access-log", "/me:sesame@y"]
    settings = load([*words, "-b.methods", "http://me:sesame@"], {})
    said = f"{effective_options(settings)} {effective_lines(settings)}"
    assert "sesame" not in said
    assert said.count("***") >= 4
