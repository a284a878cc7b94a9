from httptee.page.figures import stamp
from httptee.page.values import Values

STATUS = {"a": {"url": "http://a", "by": {200: 3, "x": 1234}}, "b": [{"name": "<b>", "up": True, "gone": None}]}


def test_a_value_is_marked_with_its_place_and_with_what_status_says():
    values = Values(STATUS)
    assert values("a/by/x") == '<data value="1234" data-key="a/by/x">1,234</data>'
    assert values("a/by/200") == '<data value="3" data-key="a/by/200">3</data>'
    assert values("b/0/up") == '<data value="true" data-key="b/0/up">yes</data>'
    assert values("b/0/gone") == '<data value="" data-key="b/0/gone">-</data>'


def test_a_text_is_escaped():
    assert values_of("b/0/name") == '<data value="&lt;b&gt;" data-key="b/0/name">&lt;b&gt;</data>'


def values_of(place):
    return Values(STATUS)(place)


def test_what_is_not_there_is_unknown():
    for place in ("c", "b/1/name", "b/x", "a/url/more"):
        assert Values(STATUS).at(place) is None


def test_the_rest_is_what_was_not_shown_yet():
    values = Values(STATUS)
    values("a/by/x")
    assert [name for name, _ in values.rest("a")] == ["url", "by 200"]
    assert values.rest("a") == []
    assert [name for name, _ in values.rest("b")] == ["0 name", "0 up", "0 gone"]
    assert values.rest("nothing")[0][0] == ""


def test_an_unknown_section_is_named():
    assert Values({**STATUS, "spool": {}, "recording": None}).others({"a", "b"}) == ["spool"]


def test_the_name_of_a_value_says_what_it_is():
    said = dict(
        Values(
            {
                "x": {
                    "at": 1_700_000_000,
                    "oldest": 1_700_000_000.5,
                    "ends": 5,
                    "bytes": 2048,
                    "pid": 41234,
                    "age": 75,
                    "fill": 0.5,
                    "files": 4321,
                }
            }
        ).rest("x")
    )
    texts = {name: value.striptags() for name, value in said.items()}
    assert texts.pop("at") == texts.pop("oldest") == stamp(1_700_000_000)
    assert texts == {
        "ends": "5",
        "bytes": "2 KiB",
        "pid": "41234",
        "age": "1 min 15 s",
        "fill": "50 %",
        "files": "4,321",
    }


def test_only_a_list_of_objects_is_a_table():
    values = Values({"x": [{"a": 1}, {"b": 2, "c": [3]}], "y": [1], "z": {"a": 1}, "empty": []})
    names, rows = values.table("x")
    assert names == ["a", "b"]
    assert [[cell.striptags() for cell in row] for row in rows] == [["1", "-"], ["-", "2"]]
    assert [name for name, _ in values.rest("x")] == ["1 c 0"]
    assert [values.table(name) for name in ("y", "z", "empty", "nothing")] == [([], [])] * 4
