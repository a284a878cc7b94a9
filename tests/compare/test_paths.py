import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.compare.paths import JSON, MARKUP
from tests.compare.answers import at_leisure


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("price", "$.price"),
        ("took_ms", "$.took_ms"),
        ("x-y", "$.x-y"),
        ("größe", "$.größe"),
        ("", '$[""]'),
        ("a b", '$["a\\u0020b"]'),
        ("a.b", '$["a.b"]'),
        ("it's", '$["it\\u0027s"]'),
        ('say "x"', '$["say\\u0020\\"x\\""]'),
        ("#", '$["\\u0023"]'),
        ("42", "$.{key}"),
        ("123e4567-e89b-12d3-a456-426614174000", "$.{key}"),
        ("k" * 65, "$.{key}"),
        ("{key}", "$.{key}"),
    ],
)
def test_the_path_of_a_member(name, path):
    assert JSON.path("$", name) == path


def test_the_place_of_a_member_keeps_its_name():
    assert JSON.place("$", "42") == '$["42"]'
    assert len(JSON.place("$", "k" * 5000)) < 100


def test_a_name_that_is_data_has_a_placeholder():
    assert JSON.path("$", "red", True) == "$.{key}"


def test_elements():
    assert JSON.elements("$.items") == "$.items[]"
    assert JSON.at("$.items", 3) == "$.items[3]"


def test_markup_counts_from_one_and_has_no_index_in_the_path():
    assert MARKUP.path("/html", "@class") == "/html/@class"
    assert MARKUP.elements("/html/p") == "/html/p"
    assert MARKUP.at("/html/p", 0) == "/html/p[1]"


@pytest.mark.parametrize("style", [JSON, MARKUP])
def test_paths_and_places_do_not_grow_without_bound(style):
    path = place = "$"
    for _ in range(10_000):
        path, place = style.elements(style.path(path, "name")), style.at(style.place(place, "name"), 1)
    assert len(path) < 500
    assert len(place) < 500
    assert path.endswith("{deep}")


@at_leisure
@given(st.text())
def test_a_path_has_no_white_space_and_nothing_that_ends_a_quoted_rule(name):
    for style in (JSON, MARKUP):
        path = style.path("$", name)
        assert not any(character.isspace() or character in "'#" for character in path)
        path.encode()
