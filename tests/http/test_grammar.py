import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.errors import BadRequest, ConnectRefused, ExpectationFailed, NotImplementedCoding
from httptee.http.grammar import check_codings, check_hosts, expects_continue, is_authority, listed, read_target

AUTHORITIES = [
    "",
    "shop.example",
    "SHOP.Example.",
    "shop.example:",
    "shop.example:443",
    "shop.example:000000000000000443",
    "192.0.2.7:80",
    "999.1.1.1",
    "my_service",
    "a~b!$&'()*+,;=-.",
    "b%C3%BCcher.example:81",
    "[::]",
    "[2001:db8::7]:8080",
    "[2001:DB8:0:0:0:0:0:7]:",
    "[::ffff:192.0.2.7]",
    "[v7.a:b!c]:80",
]
NO_AUTHORITIES = [
    ":",
    ":8080",
    " ",
    " shop",
    "shop ",
    "sh op",
    "sh\top",
    "\xa0shop",
    "shop\x85",
    "b\xfccher.example",
    "me@shop",
    "me:pw@shop:80",
    "shop/",
    "//shop",
    "http://shop",
    "shop?",
    "shop#x",
    "shop:80:81",
    "shop:http",
    "shop:-1",
    "shop:+80",
    "shop: 80",
    "shop:8\xb2",
    "::1",
    "2001:db8::7",
    "[::1",
    "::1]",
    "[::1]x",
    "[::1]80",
    "[[::1]]",
    "[]",
    "[shop]",
    "[192.0.2.7]",
    "[1::2::3]",
    "[12345::]",
    "[1:2:3:4:5:6:7:8:9]",
    "[fe80::1%25eth0]",
    "[fe80::1%eth0]",
    "[v7.]",
    "[v.a]",
    "[vg.a]",
    "%",
    "%4",
    "%4g",
    "<shop>",
    "shop|x",
    "shop^",
    "{shop}",
    "`shop`",
]


@pytest.mark.parametrize("text", AUTHORITIES)
def test_a_host_of_rfc_3986_is_one(text):
    assert is_authority(text)
    check_hosts([text], required=True)


@pytest.mark.parametrize("text", NO_AUTHORITIES)
def test_anything_else_is_none(text):
    assert not is_authority(text)
    with pytest.raises(BadRequest):
        check_hosts([text], required=False)


def test_there_is_one_host_or_none_where_none_is_required():
    check_hosts([], required=False)
    for hosts, required in (([], True), (["a", "a"], True), (["a", "b"], False)):
        with pytest.raises(BadRequest, match="exactly one"):
            check_hosts(hosts, required=required)


@pytest.mark.parametrize("long", ["a" * 60_000 + "\x80", "%41" * 20_000 + "%", "[" + ":" * 60_000, "1" * 60_000 + "@"])
def test_a_long_host_costs_in_proportion_to_its_length(long):
    assert not is_authority(long)  # exponential or quadratic matching would not end here


@given(st.text(st.characters(max_codepoint=0xFF)))
def test_no_text_raises_and_a_host_has_no_character_that_ends_one(text):
    if is_authority(text):
        assert not set(text) & set(' \t\r\n\0/?#@\\"<>\x7f')


@pytest.mark.parametrize(
    ("method", "raw", "target", "authority"),
    [
        ("GET", "/", "/", None),
        ("get", "//x/../%zz?!", "//x/../%zz?!", None),
        ("OPTIONS", "*", "*", None),
        ("OPTIONS", "/", "/", None),
        ("OPTIONS", "/*", "/*", None),
        ("GET", "http://shop/a%2Fb?x", "/a%2Fb?x", "shop"),
        ("GET", "HTTPS://Shop:443", "/", "Shop:443"),
        ("GET", "http://[::1]:8?q", "/?q", "[::1]:8"),
        ("GET", "http://shop//x", "//x", "shop"),
        ("GET", '/|^{}"<>\\`%zz%\x80\xff', '/|^{}"<>\\`%zz%\x80\xff', None),
        ("GET", 'http://shop/|^{}"<>\\`%?%\xff', '/|^{}"<>\\`%?%\xff', "shop"),
        ("OPTIONS", "http://shop", "*", "shop"),
        ("OPTIONS", "http://shop:81", "*", "shop:81"),
        ("OPTIONS", "http://shop/", "/", "shop"),
        ("OPTIONS", "http://shop?q", "/?q", "shop"),
        ("options", "http://shop", "/", "shop"),
    ],
)
def test_a_target_is_given_the_form_for_an_origin_server(method, raw, target, authority):
    assert read_target(method, raw) == (target, authority)


@pytest.mark.parametrize(
    "raw",
    [
        *("", "x", "?x", "*", "**", "/a b", "/\x7f", "/\x00", "/a\r", " /"),
        *(
            "http:x",
            "http:/x",
            "http:///x",
            "http://",
            "http://:80/x",
            "http://:/",
            "https://:?q",
            "http://?q",
            "http://#f",
        ),
        *("/#", "/#f", "/a#b?c", "/?a#", "http://shop#f", "http://shop/#f", "http://shop/a?b#"),
        *("http://me@shop/", "http://me:pw@shop/", "http://@shop/", "http://sh op/", "http://shop:80:81/"),
        *("http://[::1/", "http://sh\xf6p/", "http://shop\\x/", "http://shop/ x", "shop:80", "shop/x"),
        *("ftp://shop/", "ws://shop/", "httpx://shop/", "file:///etc/passwd"),
    ],
)
def test_a_target_of_no_form_is_refused(raw):
    with pytest.raises(BadRequest):
        read_target("GET", raw)


@pytest.mark.parametrize("raw", ["shop:443", "/", "*", "http://shop/"])
def test_connect_is_refused_with_any_target(raw):
    with pytest.raises(ConnectRefused):
        read_target("CONNECT", raw)


@pytest.mark.parametrize(
    ("value", "elements"),
    [
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        (" a\t, \tb ", ["a", "b"]),
        ("", [""]),
        ("a,,b,", ["a", "", "b", ""]),
        ("\xa0a, b\x85,\x0bc,d\x1f", ["\xa0a", "b\x85", "\x0bc", "d\x1f"]),
    ],
)
def test_white_space_around_an_element_is_space_and_tab_only(value, elements):
    assert listed(value) == elements


@pytest.mark.parametrize("value", ["chunked", "Chunked", "CHUNKED"])
def test_one_chunked_is_the_coding_that_is_read(value):
    check_codings([value])


@pytest.mark.parametrize(
    "values",
    [
        *([""], [","], ["identity"], ["xchunked"], ["chunkedx"], ["\x0bchunked"], ["chunked\xa0"], ["chunked;q=1"]),
        *(
            ["chunked", "chunked"],
            ["chunked, chunked"],
            ["gzip, chunked, chunked"],
            ["chunked, gzip"],
            ["chunked", "gzip"],
        ),
        *(["chunked,"], [",chunked"], ["chunked", ""], ["gzip"], ['"chunked"'], ["chunk ed"]),
    ],
)
def test_a_body_whose_end_is_uncertain_is_a_bad_request(values):
    with pytest.raises(BadRequest):
        check_codings(values)


@pytest.mark.parametrize("values", [["gzip, chunked"], ["gzip", "Chunked"], ["identity , chunked"]])
def test_another_coding_within_chunked_is_not_implemented(values):
    with pytest.raises(NotImplementedCoding):
        check_codings(values)


@pytest.mark.parametrize(
    ("value", "expected"), [("100-continue", True), ("100-Continue", True), ("", False), (", 100-continue", True)]
)
def test_100_continue_is_the_expectation_that_is_met(value, expected):
    assert expects_continue(value) is expected


@pytest.mark.parametrize("value", ["200-ok", "100-continue, x", "100-continue\xa0", "100", "100-continue=1", '""'])
def test_another_expectation_fails(value):
    with pytest.raises(ExpectationFailed):
        expects_continue(value)
