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
