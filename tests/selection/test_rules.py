import pytest

from httptee.http.message import Request
from httptee.selection.rules import header_filter, methods_filter, path_filter


def request(method="GET", target="/", headers=()):
    return Request(method, target, list(headers), b"", "192.0.2.1", "http")


@pytest.mark.parametrize(
    ("text", "passing", "not_passing"),
    [
        ("GET", ["GET"], ["HEAD", "GETS"]),
        ("GET,HEAD", ["GET", "HEAD"], ["POST"]),
        ("!PUT,POST", ["GET"], ["PUT", "POST"]),
    ],
)
def test_methods_are_a_list_and_no_other(text, passing, not_passing):
    only = methods_filter(text)
    assert all(only.holds(request(method)) for method in passing)
    assert not any(only.holds(request(method)) for method in not_passing)
    assert only.text == f"methods={text}"


@pytest.mark.parametrize(
    ("text", "target", "passes"),
    [
        ("/api/*", "/api/", True),
        ("/api/*", "/api/a/b?c", True),
        ("/api/*", "/api", False),
        ("/api/*", "/x/api/a", False),
        ("*.png", "/a/b.png?v=1", True),
        ("/v?/x", "/v2/x", True),
        ("/v?/x", "/v22/x", False),
        ("/a.b[c]", "/a.b[c]", True),
        ("/a.b", "/aXb", False),
        ("/a%2Fb", "/a%2Fb", True),
        ("/a/b", "/a%2Fb", False),
        ("!/admin*", "/admin/x", False),
        ("!/admin*", "/shop", True),
        ("re:^/v[0-9]+/", "/v12/x", True),
        ("re:/x$", "/v12/x?y", True),
        ("re:c", "/a?c", False),
        ("!re:^/a", "/a", False),
        ("/api/*", "http://host:80/api/a", True),
        ("*", "*", True),
    ],
)
def test_paths_match_a_glob_whole_or_an_expression_anywhere(text, target, passes):
    assert path_filter(text).holds(request(target=target)) is passes


HEADERS = [("x-user", "7"), ("Accept", "text/html"), ("X-User", "8"), ("Xxuser", "9")]


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("X-User", True),
        ("X-Other", False),
        ("!X-Other", True),
        ("!X-USER", False),
        ("X-User=7", True),
        ("X-User=8", True),
        ("X-User=9", False),
        ("X-User=", False),
        ("!X-User=9", True),
        ("!X-User=7", False),
        ("!X-Other=7", True),
        ("Accept~html", True),
        ("accept~^html", False),
        ("!Accept~^html", True),
        ("X-User~^[89]$", True),
    ],
)
def test_headers_are_there_equal_or_matching_in_any_of_their_values(text, passes):
    assert header_filter(text).holds(request(headers=HEADERS)) is passes
