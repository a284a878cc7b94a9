import pytest

from httptee.http.message import Request
from httptee.selection.changes import NO_CHANGES, Changes, HeaderLine, PathRewrite, names_to_remove
from httptee.selection.hosts import Host

HEADERS = [("Host", "shop.test"), ("authorization", "sesame"), ("X-Env", "a"), ("x-env", "b"), ("Cookie", "c=1")]


def request(target="/a?b", headers=HEADERS):
    return Request("GET", target, list(headers), b"", "192.0.2.1", "https")


def changed(asked=None, **changes):
    return Changes(**changes)(asked or request())


def lines(*texts):
    return tuple(HeaderLine.parse(text) for text in texts)


def test_no_changes_are_none():
    assert not NO_CHANGES
    assert not Changes()
    assert Changes(mark=True)


def test_what_came_stays_as_it_is():
    asked = request()
    before = list(asked.headers)
    result = changed(asked, removed=names_to_remove("Cookie"), set=lines("X-Env: c"), added=lines("A: b"), mark=True)
    assert asked.headers == before
    assert (result.method, result.body, result.client, result.number) == ("GET", b"", "192.0.2.1", asked.number)
    assert result.headers == [
        ("Host", "shop.test"),
        ("authorization", "sesame"),
        ("X-Env", "c"),
        ("A", "b"),
        ("X-Shadow", "1"),
    ]


def test_removed_fields_are_gone_whatever_their_case():
    assert changed(removed=names_to_remove("Authorization,COOKIE,X-None")).headers == [
        ("Host", "shop.test"),
        ("X-Env", "a"),
        ("x-env", "b"),
    ]


def test_a_field_is_set_in_the_place_of_the_first_or_last_and_added_behind():
    assert changed(set=lines("X-ENV: c", "New: d"), added=lines("X-Env: e")).headers == [
        ("Host", "shop.test"),
        ("authorization", "sesame"),
        ("X-ENV", "c"),
        ("Cookie", "c=1"),
        ("New", "d"),
        ("X-Env", "e"),
    ]


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{client}", "192.0.2.1"),
        ("{scheme}://{host}", "https://shop.test"),
        ("{{client}} {client}!", "{client} 192.0.2.1!"),
        ("", ""),
    ],
)
def test_placeholders_are_filled_in_from_the_request(template, value):
    assert changed(set=lines(f"X: {template}")).headers[-1] == ("X", value)


def test_the_request_id_is_the_clients_own():
    asked = request(headers=[("x-request-id", "abc")])
    assert changed(asked, set=lines("X: {request-id}")).headers[-1] == ("X", "abc")


def test_without_one_the_request_id_is_the_same_for_every_b_and_another_for_every_request():
    asked = request()
    first, second = (changed(asked, set=lines("X: {request-id}")).headers[-1] for _ in range(2))
    assert first == second
    assert changed(request(), set=lines("X: {request-id}")).headers[-1] != first


def test_host_may_be_replaced():
    assert changed(host=Host.parse("canary.test")).headers[0] == ("Host", "canary.test")
    assert changed(request(headers=[]), host=Host.parse("canary.test")).headers == [("Host", "canary.test")]


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        (r"^/v1/(.*) -> /v2/\1", "/v1/a%2Fb?c=/v1/", "/v2/a%2Fb?c=/v1/"),
        (r"^/v1/(?P<rest>.*)→/v2/\g<rest>", "/v1/x", "/v2/x"),
        ("^/v1->", "/v1/x", "/x"),
        ("^/v1/ ->", "/v1/x?", "/x?"),
        ("a -> b", "/a/a", "/b/a"),
        ("^/v1 -> /v2", "/x?y", "/x?y"),
        ("^.* -> /all", "/x?y", "/all?y"),
        ("^/v1 -> /v2", "http://shop.test/v1?y", "/v2?y"),
        ("^.* -> /all", "*", "*"),
    ],
)
def test_a_path_is_rewritten_and_its_query_is_not(text, target, expected):
    assert changed(request(target), rewrites=(PathRewrite.parse(text),)).target == expected


def test_rewrites_follow_one_another():
    rewrites = (PathRewrite.parse("^/a -> /b"), PathRewrite.parse("^/b -> /c"))
    assert changed(request("/a"), rewrites=rewrites).target == "/c"
