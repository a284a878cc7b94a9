import re
from html.parser import HTMLParser

import pytest

from httptee.verdict.display.page import page
from tests.verdict.evidence.made import finding, latency, report, route

VOID = {"meta", "path", "circle"}


class Checker(HTMLParser):
    """Collects the text and all attributes, and fails where a tag is not closed."""

    def __init__(self):
        super().__init__()
        self.open, self.attributes, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, *attribute) for attribute in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.attributes += [(tag, *attribute) for attribute in attrs]

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def checked(*reports, word="NO", at=1000.0):
    found = Checker()
    found.feed(page(reports, at, word))
    found.close()
    assert found.open == []
    return found


WHOLE = report(
    routes=[
        route(findings=[finding(examples=(7,)), finding("noise"), finding("constant")], missing=("more",), more=12),
        route("GET /y", "YES", latency=latency("slower", "because", b=0.1)),
    ],
    missing=("a",),
    notes=("b",),
)


def test_the_page_is_whole():
    text = " ".join(" ".join(checked(WHOLE, report("YES", "two", routes=[route()])).text).split())
    for said in (
        "Can B replace A? NO", "a summary", "GET /x", "differs body $.price value", "B alone differed in 16 of 16",
        "httptee verdict show 7", "to silence it: ignore='GET /x body $.price'", "1 that are explained",
        "latency slower: because", "about 12 more requests", "YES B two",
    ):  # fmt: skip
        assert said in text


def test_nothing_is_fetched_and_nothing_runs():
    text = page([WHOLE], 1000.0, "NO")
    found = checked(WHOLE)
    assert all(
        name not in ("src", "srcset", "data", "style") and not name.startswith("on") for _, name, _ in found.attributes
    )
    assert all(value.startswith("#") for _, name, value in found.attributes if name == "href")
    assert not re.search(r"<(script|link|iframe|img|object)|url\(|@import|https?://", text)
    assert "default-src 'none'" in text


def test_light_and_dark_are_there():
    assert "prefers-color-scheme: dark" in page([], None, "NOT YET")


def test_links_lead_to_their_routes():
    found = checked(WHOLE, report("NO", "two", routes=[*WHOLE.routes, route("GET /good", "YES")]))
    targets = [value for _, name, value in found.attributes if name == "id"]
    assert len(targets) == len(set(targets)) == 4  # a route of which there is no more to say has only a row
    assert sorted(value[1:] for _, name, value in found.attributes if name == "href") == sorted(targets)


@pytest.mark.parametrize("odd", ["<script>alert(1)</script>", "\"'><b>", "&lt;", "\x00\udc80"])
def test_nothing_from_a_server_becomes_markup(odd):
    made = report(
        "NO", odd, summary=odd, missing=(odd,), notes=(odd,),
        routes=[route(odd, findings=[finding(path=odd, a=odd, b=odd, reason=odd, line=odd)], missing=(odd,),
                      latency=latency(odd, odd))],
    )  # fmt: skip
    found = checked(made)
    assert "script" not in {tag for tag, *_ in found.attributes}
    assert "<script>" not in page([made], 1000.0, "NO")
    assert "<b>" not in page([made], 1000.0, "NO")


def test_before_the_first_report_the_page_says_so():
    assert "No pair of answers has been judged yet." in "".join(checked(word="NOT YET", at=None).text)


def test_very_many_routes_make_a_page_that_ends():
    made = report(routes=[route(f"GET /{number}", findings=[finding()]) for number in range(1000)])
    assert len(page([made], 1000.0, "NO")) < 500_000
