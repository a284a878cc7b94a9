import pytest

from httptee.compare import markup
from httptee.compare.coding import Undecodable
from httptee.compare.markup import html, xml
from tests.compare.answers import answer, found

PAGE = """<!doctype html><html><head><title>Shop</title></head><body>
<div class="row"><a href="/p/1">One</a><span>1.50</span></div>
<div class="row"><a href="/p/2">Two</a><span>2.50</span></div><!-- built at noon --></body></html>"""


def in_page(change_from, change_to):
    return [
        (path, kind)
        for _, path, kind in found(
            answer(PAGE.encode(), "text/html"), answer(PAGE.replace(change_from, change_to).encode(), "text/html")
        )
    ]


def in_document(a, b):
    return [(path, kind) for _, path, kind in found(answer(a, "text/xml"), answer(b, "text/xml"))]


@pytest.mark.parametrize(
    ("change_from", "change_to", "expected"),
    [
        ("2.50", "2.51", [("/html/body/div/span/text()", "value")]),
        ("/p/2", "/p/3", [("/html/body/div/a/@href", "value")]),
        ("<title>Shop</title>", "", [("/html/head/title", "missing")]),
        ("noon", "one", [("/html/body/comment()", "value")]),
        ("\n", "  \n\n", []),
        ("doctype", "DOCTYPE", []),
        (
            '<a href="/p/2">Two</a><span>2.50</span>',
            '<span>2.50</span><a href="/p/2">Two</a>',
            [("/html/body/div", "order")],
        ),
        ('<div class="row"><a href="/p/2">Two</a><span>2.50</span></div>', "", [("/html/body/div", "length")]),
        ("<span>2.50</span>", "", [("/html/body/div/span", "missing")]),
    ],
)
def test_what_is_found_in_html(change_from, change_to, expected):
    assert in_page(change_from, change_to) == expected


def test_elements_are_nested_objects():
    assert html("<p class=a>x <b>y</b>z</p>")["html"][0]["body"][0]["p"] == [
        {"@class": "a", "text()": "x z", "b": [{"text()": "y"}]}
    ]


def test_a_template_is_compared_by_its_text():
    assert in_page("<span>1.50", "<template><i>x</i></template><span>1.50") != []
    a, b = (answer(f"<template><i>{text}</i></template>".encode(), "text/html") for text in "ab")
    assert found(a, b) == [("body", "/html/head/template/text()", "value")]


@pytest.mark.parametrize("page", ["", "x", "<", "<p", "</p>", "<!---->", "\0", "<script>if(a<b)</script>"])
def test_nearly_everything_is_html(page):
    assert isinstance(html(page), dict)


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 20_000,
        "<p>" + "".join(f"<b a={i}>" for i in range(2000)) + "</p>" + "<p>x" * 2000,
        "x" * (1 << 19),
    ],
    ids=["tags", "unclosed formatting", "size"],
)
def test_pages_that_would_take_too_long_are_not_parsed(page):
    assert html(page) is None
    assert html(page.encode()) is None


def test_a_page_beside_one_that_takes_too_long_is_text():
    a, b = answer(b"<p>x", "text/html"), answer(b"<p>" * 20_000, "text/html")
    assert found(a, b) == [("body", "lines[]", "value")]


def test_deep_html_does_not_recurse():
    a, b = (answer(b"<div>" * 5000 + text, "text/html") for text in (b"a", b"b"))
    [(_, path, kind)] = found(a, b)
    assert kind == "value"
    assert len(path) < 500


def test_without_the_library_html_is_text(monkeypatch):
    monkeypatch.setattr(markup, "is_html_readable", lambda: False)
    assert in_page("2.50", "2.51") == [("lines[]", "value")]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (b"<a><b>1</b></a>", b"<a>\n <b> 1 </b>\n</a>", []),
        (b"<a x='1' y='2'/>", b'<a y="2" x="1"></a>', []),
        (b"<a>&lt;</a>", b"<a><![CDATA[<]]></a>", []),
        (b"<a x='1'/>", b"<a x='2'/>", [("/a/@x", "value")]),
        (b"<a><b/><b/></a>", b"<a><b/></a>", [("/a/b", "length")]),
        (b"<a><b>1</b><b>2</b></a>", b"<a><b>2</b><b>1</b></a>", [("/a/b", "order")]),
        (b"<a><b/><c/></a>", b"<a><c/><b/></a>", [("/a", "order")]),
        (b"<a/>", b"<b/>", [("/a", "missing"), ("/b", "extra")]),
        (b"<a/>", b"<a>", [("", "undecodable")]),
    ],
)
def test_what_is_found_in_xml(a, b, expected):
    assert in_document(a, b) == expected


LAUGHS = (
    b'<!DOCTYPE a [<!ENTITY b "ha">'
    + b"".join(b'<!ENTITY %c "&%c;&%c;">' % (name, name - 1, name - 1) for name in range(ord("c"), ord("z")))
    + b"]><a>&y;</a>"
)


@pytest.mark.parametrize(
    "document",
    [
        LAUGHS,
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b"<!DOCTYPE a [<!ATTLIST a b CDATA 'x'>]><a/>",
    ],
)
def test_a_dtd_in_the_document_is_refused(document):
    with pytest.raises(Undecodable, match="DTD of its own"):
        xml(document)


def test_a_dtd_elsewhere_is_not_loaded():
    assert xml(b'<!DOCTYPE a SYSTEM "http://192.0.2.1/a.dtd"><a/>') == {"a": [{}]}


def test_a_bomb_beside_a_document_is_a_difference():
    assert in_document(b"<a/>", LAUGHS) == [("", "undecodable")]


@pytest.mark.parametrize(
    "document",
    [b"", b"<a>", b"x", b"<a></b>", b"<?xml version='1.0' encoding='no-such'?><a/>", b"<a/><b/>", b"<a>&x;</a>"],
)
def test_what_is_not_xml_is_undecodable(document):
    with pytest.raises(Undecodable, match="not XML"):
        xml(document)


def test_too_many_elements_are_given_up():
    with pytest.raises(Undecodable, match="over 50000 elements"):
        xml(b"<a>" + b"<b/>" * 60_000 + b"</a>")


def test_deep_xml_does_not_recurse():
    a, b = (b"<a>" * 10_000 + text + b"</a>" * 10_000 for text in (b"1", b"2"))
    [(path, kind)] = in_document(a, b)
    assert kind == "value"
    assert len(path) < 500
