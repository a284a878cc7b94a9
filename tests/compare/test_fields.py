import pytest

from httptee.compare.difference import Found
from httptee.compare.fields import VOLATILE, alike, compare_fields, compare_lengths, values_of
from tests.compare.answers import DATE

LATER = "Thu, 26 Nov 2026 04:23:48 GMT"
UUID, OTHER_UUID = "123e4567-e89b-12d3-a456-426614174000", "00000000-e89b-12d3-a456-426614174999"


def compared(a, b, left_out=frozenset()):
    found = Found()
    compare_fields(a, b, found, left_out)
    return sorted(
        (key.path, key.kind, difference.a, difference.b) for difference in found.all() for key in [difference.key]
    )


def keys(a, b):
    return [(path, kind) for path, kind, _, _ in compared(a, b)]


def test_the_order_of_fields_and_the_case_of_names_mean_nothing():
    assert keys([("A", "1"), ("B", "2")], [("b", "2"), ("a", "1")]) == []


def test_a_value_that_differs():
    assert compared([("Cache-Control", "no-store")], [("cache-control", "no-cache")]) == [
        ("cache-control", "value", "no-store", "no-cache")
    ]


def test_a_field_that_is_missing_and_one_that_is_extra():
    assert compared([("Cache-Control", "no-store")], [("X-New", "1")]) == [
        ("cache-control", "missing", "no-store", None),
        ("x-new", "extra", None, "1"),
    ]


def test_several_fields_of_one_name_are_one_list():
    assert keys([("Vary", "Accept"), ("Vary", "Origin")], [("Vary", "Accept,Origin")]) == []


def test_a_list_in_another_order():
    assert keys([("Allow", "GET, HEAD")], [("Allow", "HEAD, GET")]) == [("allow", "order")]


@pytest.mark.parametrize("name", ["Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length", "Trailer"])
def test_framing_is_no_difference(name):
    assert keys([(name, "x")], [(name, "y")]) == []
    assert keys([(name, "x")], []) == []


def test_fields_can_be_left_out():
    assert compared([("Content-Encoding", "gzip")], [], frozenset({"content-encoding"})) == []


def test_volatile_names_are_in_lower_case():
    assert all(name == name.lower() for name in VOLATILE)


@pytest.mark.parametrize(
    ("name", "a", "b"),
    [
        ("Date", DATE, LATER),
        ("Age", "0", "86400"),
        ("Via", "1.1 x", "1.1 y, 1.1 z"),
        ("X-Request-Id", UUID, OTHER_UUID),
        ("X-Request-Id", "9", "1000000"),
        ("X-Request-Id", "9f86d081884c7d65", "0000d081884c7d65"),
        ("X-Runtime", "0.012", "1.5"),
        ("X-Response-Time", "12ms", "7 ms"),
        ("Traceparent", f"00-{'a' * 32}-{'b' * 16}-01", f"00-{'c' * 32}-{'d' * 16}-00"),
    ],
)
def test_volatile_values_of_one_shape_are_alike(name, a, b):
    assert keys([(name, a)], [(name, b)]) == []


@pytest.mark.parametrize(
    ("name", "a", "b"),
    [
        ("Date", DATE, "2026-11-26T04:23:47Z"),
        ("Date", "now", "today"),
        ("Date", DATE, ""),
        ("Age", "1", "-1"),
        ("Age", "1", "old"),
        ("Via", "1.1 x", " "),
        ("X-Request-Id", UUID, "none"),
        ("X-Request-Id", "9f86d081884c7d65", "none"),
        ("X-Request-Id", "9f86d081884c7d65", ""),
        ("X-Request-Id", UUID, "9f86d081884c7d659f86d081884c7d659999"),
        ("X-Runtime", "0.012", "fast"),
    ],
)
def test_volatile_values_of_another_shape_differ(name, a, b):
    assert keys([(name, a)], [(name, b)]) == [(name.lower(), "type")]


@pytest.mark.parametrize("name", ["Date", "Via", "X-Request-Id"])
def test_a_volatile_field_that_is_missing_differs(name):
    assert keys([(name, DATE)], []) == [(name.lower(), "missing")]


def test_repeated_volatile_fields_are_compared_one_by_one():
    assert keys([("Date", DATE), ("Date", LATER)], [("Date", LATER), ("Date", LATER)]) == []
    assert keys([("Date", DATE)], [("Date", LATER), ("Date", LATER)]) == [("date", "type")]


@pytest.mark.parametrize("name", ["ETag", "Last-Modified", "Expires", "Server"])
def test_other_fields_are_compared(name):
    assert keys([(name, DATE)], [(name, LATER)]) == [(name.lower(), "value")]


def test_alike_needs_no_volatile_field_for_equal_values():
    assert alike("server", "x", "x")
    assert not alike("server", "x", "y")


def test_the_value_of_a_cookie_and_its_attributes_are_apart():
    a = [("Set-Cookie", "sid=1; Path=/; Secure; Max-Age=60"), ("Set-Cookie", "theme=dark")]
    b = [("Set-Cookie", "theme=dark"), ("Set-Cookie", "sid=2; path=/; Max-Age=90; HttpOnly")]
    assert compared(a, b) == [
        ("set-cookie:sid", "value", "1", "2"),
        ("set-cookie:sid;httponly", "extra", None, ""),
        ("set-cookie:sid;max-age", "value", "60", "90"),
        ("set-cookie:sid;secure", "missing", "", None),
    ]


def test_a_cookie_that_is_missing_is_one_difference():
    a, b = [("Set-Cookie", "sid=1; Path=/; Secure")], [("Set-Cookie", "other=1; Path=/")]
    assert keys(a, b) == [("set-cookie:other", "extra"), ("set-cookie:sid", "missing")]


def test_cookies_of_one_name_are_all_compared():
    a = [("Set-Cookie", "sid=1; Path=/a"), ("Set-Cookie", "sid=2; Path=/b")]
    assert keys(a, [a[0], ("Set-Cookie", "sid=3; Path=/b")]) == [("set-cookie:sid", "value")]


def test_names_of_cookies_that_are_data_make_one_key():
    a, b = [("Set-Cookie", f"{i:032x}=1") for i in range(50)], [("Set-Cookie", f"{i:032x}=2") for i in range(50)]
    assert keys(a, b) == [("set-cookie:{key}", "value")]


@pytest.mark.parametrize("cookie", ["", "=", ";", ";;;", "a b=1", "ü=1", "x" * 5000, "a=1;=;= "])
def test_odd_cookies_are_compared_too(cookie):
    assert keys([("Set-Cookie", cookie)], [("Set-Cookie", cookie)]) == []
    for path, _ in keys([("Set-Cookie", cookie)], [("Set-Cookie", "sid=1")]):
        assert len(path) < 200
        assert " " not in path


def test_content_length_counts_where_both_have_it():
    found = Found()
    compare_lengths([("Content-Length", "5")], [], found)
    compare_lengths([("Content-Length", "5")], [("content-length", "5")], found)
    assert found.all() == []
    compare_lengths([("Content-Length", "5")], [("Content-Length", "6")], found)
    assert [difference.key for difference in found.all()] == [("header", "content-length", "value")]


def test_values_of_a_field():
    assert values_of([("Vary", "a"), ("X", "b"), ("vary", "c")], "vary") == "a, c"
    assert values_of([], "vary") == ""
