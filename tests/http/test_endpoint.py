from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.http.endpoint import Endpoint, Listen, path_of, without_userinfo


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("localhost", Endpoint("http", "localhost", 80, "")),
        ("localhost:9000", Endpoint("http", "localhost", 9000, "")),
        ("http://localhost:9000", Endpoint("http", "localhost", 9000, "")),
        ("https://example.org", Endpoint("https", "example.org", 443, "")),
        ("HTTPS://example.org.:8443", Endpoint("https", "example.org.", 8443, "")),
        ("my_service:8080", Endpoint("http", "my_service", 8080, "")),
        ("[::1]", Endpoint("http", "::1", 80, "")),
        ("https://[2001:db8::1]:8443/v2", Endpoint("https", "2001:db8::1", 8443, "/v2")),
        ("localhost:8080/production", Endpoint("http", "localhost", 8080, "/production")),
        ("localhost/a/b/", Endpoint("http", "localhost", 80, "/a/b")),
        ("localhost/", Endpoint("http", "localhost", 80, "")),
        ("localhost/a%2Fb/../c@d", Endpoint("http", "localhost", 80, "/a%2Fb/../c@d")),
        ("localhost/base//", Endpoint("http", "localhost", 80, "/base/")),
        ("http:8080", Endpoint("http", "http", 8080, "")),
        ("unix:/run/app.sock", Endpoint("http", "localhost", 80, "", "/run/app.sock")),
        ("http://unix:/run/app.sock:/v2/", Endpoint("http", "localhost", 80, "/v2", "/run/app.sock")),
        ("unix:///run/app.sock", Endpoint("http", "localhost", 80, "", "/run/app.sock")),
        ("https://unix:/a", Endpoint("https", "localhost", 443, "", "/a")),
    ],
)
def test_endpoint_is_read(text: str, expected: Endpoint) -> None:
    assert Endpoint.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "missing"),
        (":8080", "needs a host, such as localhost:8080"),
        ("8080", "needs a host, such as localhost:8080"),
        ("http:/host", "ends with ://"),
        ("https:host:8443", "ends with ://"),
        ("http//host:80", "ends with ://"),
        ("http://", "needs a host"),
        ("http:///x", "needs a host"),
        ("ftp://host", "http or https"),
        ("host:", "from 1 to 65535"),
        ("host:0", "from 1 to 65535"),
        ("host:65536", "from 1 to 65535"),
        ("host:-1", "from 1 to 65535"),
        ("host:+1", "from 1 to 65535"),
        ("host:٨٠", "visible ASCII"),
        ("host:80?x=y", "no query"),
        ("host?x=y", "no query"),
        ("host/p?", "no query"),
        ("host/p#f", "no fragment"),
        ("host name", "without spaces"),
        ("host\r\nX: y", "without spaces"),
        ("host\x00", "visible ASCII"),
        ("bücher.example", "visible ASCII"),
        ("::1", "in brackets"),
        ("2001:db8::1:80", "in brackets"),
        ("[::1", "not an IPv6 address"),
        ("[::1]80", "not an IPv6 address"),
        ("[localhost]:80", "not an IPv6 address"),
        ("[fe80::1%25eth0]:80", "not an IPv6 address"),
        ("-b", "neither a name nor an address"),
        ("a..b", "neither a name nor an address"),
        ("a,b", "neither a name nor an address"),
        ("x" * 64, "neither a name nor an address"),
        (".".join(["x" * 60] * 5), "neither a name nor an address"),
        ("[http(s)://]localhost:9000", "not an IPv6 address"),
    ],
)
def test_what_is_no_endpoint_is_refused_in_one_line(text: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule) as caught:
        Endpoint.parse(text)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "text",
    [
        "http://user:sesame@host",
        "user:sesame@host:80/x",
        "sesame@host",
        "https://user:sesame/with@odd?#signs@host/",
        "http://user:sesame\n@host",
        "gopher://user:sesame@host",
        "user:sesame@[::1",
    ],
)
def test_a_password_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"\*\*\*@") as caught:
        Endpoint.parse(text)
    assert "sesame" not in str(caught.value)
    assert "user" not in str(caught.value).replace("user name", "")


@pytest.mark.parametrize(
    ("text", "masked"),
    [("a:b@c", "***@c"), ("http://a:b@c/d@e", "http://***@e"), ("http://c/d", "http://c/d"), ("c:80", "c:80")],
)
def test_userinfo_is_masked(text: str, masked: str) -> None:
    assert without_userinfo(text) == masked


@pytest.mark.parametrize(
    ("text", "authority", "url"),
    [
        ("host", "host", "http://host"),
        ("host:80", "host", "http://host"),
        ("host:443", "host:443", "http://host:443"),
        ("https://host:443/x/", "host", "https://host/x"),
        ("https://host:80", "host:80", "https://host:80"),
        ("[::1]:80", "[::1]", "http://[::1]"),
        ("[::1]:9001/p", "[::1]:9001", "http://[::1]:9001/p"),
    ],
)
def test_authority_leaves_out_the_default_port_and_brackets_ipv6(text: str, authority: str, url: str) -> None:
    endpoint = Endpoint.parse(text)
    assert endpoint.authority == authority
    assert str(endpoint) == url
    assert Endpoint.parse(url) == endpoint


def test_endpoint_is_frozen_and_can_be_a_key() -> None:
    endpoint = Endpoint.parse("host:1/x")
    assert {endpoint: 1}[Endpoint("http", "host", 1, "/x")] == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        endpoint.port = 2  # type: ignore[misc]


TARGETS = ["/", "/x?y", "/a%2Fb", "//x", "/a/../b/./c", "/%zz", "/x?", "/?", "/a|b", "/x?u=http://h/p", "/\xff", "/a b"]


@pytest.mark.parametrize("raw", TARGETS)
def test_origin_form_passes_byte_for_byte(raw: str) -> None:
    assert Endpoint.parse("host").target(raw) == raw
    assert Endpoint.parse("host/").target(raw) == raw
    assert Endpoint.parse("host/base").target(raw) == "/base" + raw
    assert Endpoint.parse("host/base/").target(raw) == "/base" + raw


@pytest.mark.parametrize(
    ("raw", "reduced"),
    [
        ("http://h/p?q", "/p?q"),
        ("HTTP://h:80/p", "/p"),
        ("https://user:pw@[::1]:8/", "/"),
        ("http://h", "/"),
        ("http://h?q", "/?q"),
        ("http://h/?", "/?"),
        ("http://h//x/../%zz", "//x/../%zz"),
        ("http:///p", "/p"),
        ("svn+ssh://h/p", "/p"),
    ],
)
def test_absolute_form_becomes_origin_form(raw: str, reduced: str) -> None:
    assert Endpoint.parse("host").target(raw) == reduced
    assert Endpoint.parse("host/base").target(raw) == "/base" + reduced


@pytest.mark.parametrize("text", ["host", "host/base"])
def test_asterisk_asks_about_the_whole_server(text: str) -> None:
    assert Endpoint.parse(text).target("*") == "*"


@pytest.mark.parametrize("raw", ["a", "?x", "host:443", ".", "", "mailto:x"])
def test_a_target_of_no_form_stays_below_the_prefix(raw: str) -> None:
    assert Endpoint.parse("host").target(raw) == raw
    assert Endpoint.parse("host/base").target(raw) == "/base/" + raw


@given(st.text())
def test_no_text_raises_anything_but_a_value_error(text: str) -> None:
    for parse in (Endpoint.parse, Listen.parse):
        try:
            value = parse(text)
        except ValueError as error:
            assert len(str(error).splitlines()) == 1  # noqa: PT017
        else:
            assert parse(str(value)) == value


@given(st.text())
def test_no_target_raises_or_leaves_the_prefix(raw: str) -> None:
    target = Endpoint.parse("host/base").target(raw)
    assert target == "*" or target.startswith("/base/")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (":8888", Listen("", 8888)),
        (":0", Listen("", 0)),
        ("localhost:8888", Listen("localhost", 8888)),
        ("0.0.0.0:80", Listen("0.0.0.0", 80)),
        ("[::1]:8888", Listen("::1", 8888)),
        ("[::]:65535", Listen("::", 65535)),
    ],
)
def test_listening_address_is_read_and_written(text: str, expected: Listen) -> None:
    assert Listen.parse(text) == expected
    assert str(expected) == text


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "is :port"),
        ("8888", "is :port, host:port or .*, such as :8888: '8888'"),
        ("localhost", "is :port, host:port or .*, such as localhost:8888: 'localhost'"),
        ("[::1]", "is :port"),
        (":", "from 0 to 65535"),
        (":http", "from 0 to 65535"),
        (":65536", "from 0 to 65535"),
        ("::1", "in brackets"),
        ("http://host:80", "must be an address such as host:80, not a URL: 'http://host:80'"),
        ("https://[::1]:8443/x", r"such as \[::1\]:8443, not a URL"),
        ("http://host", "such as :8888, not a URL"),
        ("http://me:sesame@host:80", r"such as :8888, not a URL: 'http://\*\*\*@host:80'"),
        ("http://me:ses/ame@host:80", r"such as :8888, not a URL: 'http://\*\*\*@host:80'"),
        ("*:80", "all addresses are :port"),
        ("host\n:80", "neither a name nor an address"),
    ],
)
def test_what_is_no_listening_address_is_refused(text: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule) as caught:
        Listen.parse(text)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/a?b=c?d", "/a"),
        ("/a%2Fb//x", "/a%2Fb//x"),
        ("http://host:80/a?b", "/a"),
        ("http://host", "/"),
        ("*", "*"),
        ("", ""),
    ],
)
def test_the_path_of_a_target_is_what_stands_before_the_query(target: str, path: str) -> None:
    assert path_of(target) == path


@pytest.mark.parametrize("text", ["unix:/run/app.sock", "unix:/run/app.sock:/v2", "https://unix:/run/app.sock:/v2"])
def test_a_unix_socket_is_shown_as_it_was_given(text: str) -> None:
    endpoint = Endpoint.parse(text)
    assert str(endpoint) == text
    assert endpoint.authority == "localhost"
    assert Endpoint.parse("unix:/run/app.sock:/v2").target("/a?b") == "/v2/a?b"


@pytest.mark.parametrize("text", ["unix:", "unix:run/app.sock", "unix:/run/", f"unix:/{'x' * 107}", "unix:/a:/b?c"])
def test_a_unix_socket_has_an_absolute_path_that_the_kernel_takes(text: str) -> None:
    with pytest.raises(ValueError, match=r"a Unix socket is unix: and an absolute path|no query"):
        Endpoint.parse(text)
    if ":/b" not in text:
        with pytest.raises(ValueError, match="a Unix socket is unix: and an absolute path"):
            Listen.parse(text)


def test_the_tee_may_listen_at_a_unix_socket() -> None:
    assert Listen.parse("unix:/run/app.sock") == Listen("", 0, "/run/app.sock")
    assert str(Listen("", 0, "/run/app.sock")) == "unix:/run/app.sock"
