import pytest

from httptee.errors import ConfigError
from httptee.middleware.given import load_in_code


def load(*lines, given=None, config=None, environ=None):
    return load_in_code(lines, given or {}, config, environ or {})


def test_lines_are_those_of_bs():
    settings, named = load("http://one:1 percent=10", "http://two:2; http://three:3 name=c")
    assert [str(each) for each in settings.b] == ["http://one:1", "http://two:2", "http://three:3"]
    assert named == {"b"}


def test_keys_are_names_of_options_with_dots_dashes_or_underscores():
    for key in ("b.max-body", "b_max_body", "B_MAX_BODY"):
        assert load(given={key: 77})[0].b_max_body == 77


def test_values_are_texts_numbers_booleans_and_lists():
    settings, _ = load(given={"b": ["http://one:1", "http://two:2 mark"], "no-via": True, "b.percent": 2.5})
    assert len(settings.b) == 2
    assert not settings.via
    assert settings.b_percent == 2.5


def test_the_program_overrides_the_environment_and_that_the_file(tmp_path):
    ini = tmp_path / "x.ini"
    ini.write_text("b.percent = 1\nb.timeout = 1000\nb.keep-alive = 1000\n")
    settings, _ = load(
        given={"b.percent": 3}, config=ini, environ={"HTTPTEE_B_PERCENT": "2", "HTTPTEE_B_TIMEOUT": "2000"}
    )
    assert (settings.b_percent, settings.b_timeout, settings.b_keep_alive) == (3.0, 2.0, 1.0)


def test_the_environment_may_name_the_file(tmp_path):
    ini = tmp_path / "x.ini"
    ini.write_text("b = http://one:1\n")
    assert len(load(environ={"HTTPTEE_CONFIG": str(ini)})[0].b) == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"b.timeout": "soon"}, r"^settings\['b.timeout'\]: must be a whole number"),
        ({"b_timout": 1}, r"^settings\['b_timout'\]: unknown option 'b_timout'; did you mean b.timeout\?"),
        ({"b": []}, r"^settings\['b'\]: contains no value"),
        ({"b": ["http://one:1", "http://two:2 percent=x"]}, r"^settings\['b'\]: B http://two:2: percent: must"),
        ({"b.percent": [1, 2]}, r"^settings\['b.percent'\]: must be one value"),
        ({"b.percent": None}, r"^settings\['b.percent'\]: must be a text, a number or a boolean, not NoneType"),
    ],
)
def test_an_error_names_the_key(given, said):
    with pytest.raises(ConfigError, match=said):
        load(given=given)


def test_an_error_names_the_line_the_variable_and_the_place_in_the_file(tmp_path):
    with pytest.raises(ConfigError, match=r"^B number 2: B http://two:2: unknown field 'precent'"):
        load("http://one:1", "http://two:2 precent=1")
    with pytest.raises(ConfigError, match=r"^HTTPTEE_B_PERCENT: must"):
        load(environ={"HTTPTEE_B_PERCENT": "x"})
    ini = tmp_path / "x.ini"
    ini.write_text("\nb.percent = x\n")
    with pytest.raises(ConfigError, match=r"x\.ini:2: b\.percent: must"):
        load(config=ini)
