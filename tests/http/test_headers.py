import re

import pytest

from httptee.errors import LoopDetected
from httptee.http.headers import (
    Additions,
    end_to_end,
    outbound,
    values,
    with_host,
    with_id,
    with_origin,
    with_subject,
)
from httptee.http.hops import switching


def send(headers, client="192.0.2.1", length=None, **additions):
    return outbound(headers, client, "http", length, Additions(**additions))


def test_case_order_and_duplicates_survive():
    headers = [("HOST", "a"), ("x-B", "2"), ("X-a", "1"), ("x-b", "3"), ("under_score", "4")]
    assert end_to_end(headers) == headers


@pytest.mark.parametrize(
    "name",
    ["Connection", "KEEP-ALIVE", "Proxy-Connection", "TE", "Trailer", "transfer-encoding", "Upgrade"],
)
def test_hop_by_hop_fields_stay_behind_in_any_case(name):
    assert end_to_end([("Accept", "*/*"), (name, "x")]) == [("Accept", "*/*")]


def test_fields_named_by_connection_stay_behind():
    headers = [("X-Internal", "1"), ("Connection", "close, x-internal"), ("connection", "X-Other"), ("x-other", "2")]
    assert end_to_end(headers) == []


def test_an_option_of_connection_is_surrounded_by_space_and_tab_only():
    headers = [("A", "1"), ("B", "2"), ("C", "3"), ("Connection", " \ta\t , b\xa0,\x85c")]
    assert end_to_end(headers) == [("B", "2"), ("C", "3")]


def test_credentials_and_challenges_of_proxies_pass_and_their_connection_field_does_not():
    headers = [("Proxy-Authorization", "Basic eDp5"), ("Proxy-Authenticate", 'Basic realm="x"')]
    assert send([("Proxy-Connection", "keep-alive"), *headers]) == headers


def test_connection_cannot_take_host_or_the_length_away():
    headers = [("Host", "a"), ("Content-Length", "3"), ("Connection", "host, content-length")]
    assert end_to_end(headers) == headers[:2]


def test_expect_ends_at_the_tee_which_has_answered_it():
    assert send([("Expect", "100-continue"), ("Content-Length", "1")], length=1) == [("Content-Length", "1")]


def test_a_chunked_body_gets_its_length():
    assert send([("Transfer-Encoding", "chunked"), ("A", "1")], length=7) == [("A", "1"), ("Content-Length", "7")]


def test_an_empty_chunked_body_gets_its_length_too():
    assert send([("Transfer-Encoding", "chunked")], length=0) == [("Content-Length", "0")]
    assert send([("Transfer-Encoding", "chunked"), ("content-LENGTH", "0")], length=0) == [("content-LENGTH", "0")]


def test_a_given_length_keeps_its_spelling_and_place():
    headers = [("content-length", "7"), ("A", "1")]
    assert send(headers, length=7) == headers


def test_an_inbound_list_is_never_changed():
    headers = [("X-Forwarded-For", "10.0.0.1"), ("Via", "1.0 old")]
    send(headers, forward_client=True, via="1.1 httptee (x)")
    assert headers == [("X-Forwarded-For", "10.0.0.1"), ("Via", "1.0 old")]


def test_without_forwarding_both_fields_pass_as_sent():
    headers = [("x-forwarded-for", "10.0.0.1"), ("FORWARDED", "for=10.0.0.1")]
    assert send(headers) == headers


def test_the_client_is_appended_to_what_is_there():
    headers = [("x-forwarded-for", "10.0.0.1"), ("A", "1"), ("Forwarded", "for=10.0.0.1")]
    assert send(headers, forward_client=True) == [
        ("x-forwarded-for", "10.0.0.1, 192.0.2.1"),
        ("A", "1"),
        ("Forwarded", "for=10.0.0.1, for=192.0.2.1;proto=http"),
    ]


def test_of_several_fields_the_last_one_is_extended():
    headers = [("X-Forwarded-For", "10.0.0.1"), ("X-Forwarded-For", "10.0.0.2")]
    sent = send(headers, forward_client=True)
    assert values(sent, "x-forwarded-for") == ["10.0.0.1", "10.0.0.2, 192.0.2.1"]


def test_an_ipv6_client_is_quoted_in_forwarded_and_plain_in_x_forwarded_for():
    assert send([], client="2001:db8::1", forward_client=True) == [
        ("X-Forwarded-For", "2001:db8::1"),
        ("Forwarded", 'for="[2001:db8::1]";proto=http'),
    ]


def test_via_is_added_after_those_of_other_proxies():
    assert send([("Via", "1.0 fred")], via="1.1 httptee (x)") == [("Via", "1.0 fred, 1.1 httptee (x)")]


def test_a_request_that_comes_back_is_a_loop():
    with pytest.raises(LoopDetected):
        send([("Via", "1.0 fred, 1.1 httptee (x)")], via="1.1 httptee (x)")


def test_another_tee_on_the_way_is_no_loop():
    assert send([("Via", "1.1 httptee (y)")], via="1.1 httptee (x)") == [("Via", "1.1 httptee (y), 1.1 httptee (x)")]


def test_host_is_rewritten_in_its_place():
    assert with_host([("A", "1"), ("hOST", "a")], "b:1") == [("A", "1"), ("hOST", "b:1")]


def test_a_missing_host_is_added_first():
    assert with_host([("A", "1")], "b:1") == [("Host", "b:1"), ("A", "1")]


class TestSubject:
    FORGED = [("X-Subject", "CN=m"), ("x_subject", "CN=m"), ("A", "1"), ("X_SUBJECT", "CN=m")]  # noqa: RUF012

    def test_only_the_tees_own_word_is_passed_on(self):
        assert with_subject(self.FORGED, "X-Subject", "CN=a") == [("A", "1"), ("X-Subject", "CN=a")]

    def test_without_a_certificate_nothing_is(self):
        assert with_subject(self.FORGED, "X-Subject", "") == [("A", "1")]


def test_the_clients_id_stays_where_it_stands_if_it_is_well_formed():
    headers = [("A", "1"), ("x-REQUEST-id", "4bf9-2f:a/b+c=@._~"), ("B", "2")]
    assert with_id(headers, "X-Request-Id") == (headers, "4bf9-2f:a/b+c=@._~")


@pytest.mark.parametrize("sent", ["", "a b", "a\tb", 'a"b', "a\\b", "\xe9", "a,b", "x" * 129, "<script>"])
def test_an_id_that_is_not_well_formed_is_replaced(sent):
    headers, made = with_id([("A", "1"), ("x-request-id", sent)], "X-Request-Id")
    assert re.fullmatch("[0-9a-f]{16}", made)
    assert headers == [("A", "1"), ("X-Request-Id", made)]


def test_two_ids_and_an_id_under_a_name_that_is_the_same_in_cgi_are_replaced_by_one():
    for given in ([("X-Request-Id", "a"), ("x-request-id", "b")], [("X_Request_Id", "a"), ("X-Request-Id", "b")]):
        headers, made = with_id(given, "X-Request-Id")
        assert headers == [("X-Request-Id", made)]
        assert made not in "ab"


def test_each_request_without_an_id_gets_another_one():
    made = {with_id([], "X-Request-Id")[1] for _ in range(100)}
    assert len(made) == 100


def test_the_fields_of_an_upgrade_stay_in_their_places_and_nothing_else_of_the_connection_does():
    headers = [("Host", "h"), ("cONNECTION", "keep-alive, X-b, Upgrade"), ("X-b", "1"), ("Keep-Alive", "5")]
    headers += [("uPGRADE", "h2c, x"), ("HTTP2-Settings", "AA"), ("TE", "trailers"), ("Sec-WebSocket-Key", "k")]
    kept = [("Host", "h"), ("cONNECTION", "keep-alive, Upgrade"), ("uPGRADE", "x"), ("Sec-WebSocket-Key", "k")]
    assert outbound(headers, "192.0.2.1", "http", None, Additions(), upgrades=True) == kept
    assert send(headers) == [("Host", "h"), ("Sec-WebSocket-Key", "k")]


def test_a_101_has_no_length_and_keeps_what_it_says_of_the_upgrade():
    headers = [("Connection", "Upgrade, X-a"), ("Upgrade", "x"), ("Content-Length", "3"), ("X-a", "1"), ("X-b", "2")]
    assert switching(headers) == [("Connection", "Upgrade"), ("Upgrade", "x"), ("X-b", "2")]


def test_http2_settings_stay_behind_whether_connection_names_them_or_not():
    assert end_to_end([("http2-Settings", "AA"), ("A", "1")]) == [("A", "1")]


FORGED = [("Host", "shop:8443"), ("x-forwarded-proto", "ftp"), ("X_Forwarded_Host", "evil"), ("X-Forwarded-Port", "1")]


def test_the_origin_of_a_request_is_what_the_client_asked_for():
    assert with_origin([("Host", "shop:8443")], "https", False) == [
        ("Host", "shop:8443"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "shop:8443"),
        ("X-Forwarded-Port", "8443"),
    ]
    assert with_origin([("host", "shop")], "http", False)[-1] == ("X-Forwarded-Port", "80")
    assert with_origin([("Host", "[::1]")], "https", False)[-1] == ("X-Forwarded-Port", "443")
    assert [name for name, _ in with_origin([], "http", True)] == ["X-Forwarded-Proto", "X-Forwarded-Port"]


def test_a_client_cannot_forge_its_origin_and_a_trusted_proxy_says_it():
    assert with_origin(FORGED, "http", False) == with_origin(FORGED[:1], "http", False)
    assert with_origin(FORGED, "http", True) == FORGED
