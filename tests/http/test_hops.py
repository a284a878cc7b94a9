"""Max-Forwards of OPTIONS and TRACE: one less, and at 0 the end of the way (RFC 9110 §7.6.2). What asks for an upgrade
(§7.8)."""

import pytest

from httptee.errors import MaxForwards
from httptee.http.hops import asked_protocols, of_upgrade, one_less
from httptee.http.message import tee_answer

START = "TRACE /a?b HTTP/1.1"


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("1", "0"),
        ("10", "9"),
        ("007", "6"),
        ("9" * 18, "9" * 17 + "8"),
        ("1" + "0" * 18, "9" * 18),
        ("9" * 5_000, "9" * 18),
        ("0" * 5_000 + "2", "1"),
    ],
)
@pytest.mark.parametrize("method", ["OPTIONS", "TRACE"])
def test_a_number_is_one_less_in_its_place(method, value, sent):
    headers = [("Host", "h"), ("mAX-forwards", value), ("A", "1")]
    assert one_less(method, START, headers) == [("Host", "h"), ("mAX-forwards", sent), ("A", "1")]
    assert headers[1] == ("mAX-forwards", value)  # a list that was passed on is never changed


@pytest.mark.parametrize("value", ["", "-1", "+1", "1.0", "0x0", "1 0", "0, 1", "\xb2", "0_0", "none"])
def test_what_is_no_number_stays(value):
    headers = [("Max-Forwards", value), ("Host", "h")]
    assert one_less("OPTIONS", START, headers) == headers


def test_each_of_several_fields_is_one_less():
    headers = [("Max-Forwards", "3"), ("Max-Forwards", "x"), ("Max-Forwards", "1")]
    assert [value for _, value in one_less("TRACE", START, headers)] == ["2", "x", "0"]


@pytest.mark.parametrize("values", [["0"], ["0" * 5_000], ["5", "0"], ["0", "x"]])
def test_at_0_options_has_an_empty_answer(values):
    with pytest.raises(MaxForwards) as raised:
        one_less("OPTIONS", START, [("Max-Forwards", value) for value in values])
    answer = tee_answer(raised.value)
    assert (answer.status, answer.reason, answer.body, answer.error) == (200, "OK", b"", "max_forwards")
    fields = dict(answer.headers)
    assert fields.pop("Date")
    assert fields == {"Content-Length": "0", "X-Httptee-Error": "max_forwards"}


def test_at_0_trace_answers_with_the_request_and_without_its_secrets():
    headers = [("Host", "h"), ("a", "\xe9"), ("cOOKIE", "s1"), ("Authorization", "s2"), ("Max-Forwards", "0")]
    headers += [("Proxy-Authorization", "s3"), ("Cookie", "s4"), ("a", "2"), ("X-Cookie", "")]
    with pytest.raises(MaxForwards) as raised:
        one_less("TRACE", START, headers)
    answer = tee_answer(raised.value)
    assert answer.body == (
        b"TRACE /a?b HTTP/1.1\r\nHost: h\r\na: \xe9\r\nMax-Forwards: 0\r\na: 2\r\nX-Cookie: \r\n\r\n"
    )
    fields = dict(answer.headers)
    assert (fields["Content-Type"], fields["Content-Length"]) == ("message/http", str(len(answer.body)))


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        ([("Connection", "Upgrade"), ("Upgrade", "websocket")], ("websocket",)),
        ([("connection", "keep-alive, UPGRADE"), ("upgrade", "WebSocket/13 , x")], ("websocket/13", "x")),
        ([("Connection", "close"), ("Connection", "upgrade"), ("Upgrade", "a"), ("Upgrade", "b")], ("a", "b")),
        ([("Upgrade", "websocket")], ()),
        ([("Connection", "upgrades"), ("Upgrade", "websocket")], ()),
        ([("Connection", "upgrade")], ()),
        ([("Connection", "upgrade"), ("Upgrade", "")], ()),
        ([("Connection", "upgrade"), ("Upgrade", "h2c, H2, http/2.0, TLS/1.3, h3")], ()),
        ([("Connection", "upgrade"), ("Upgrade", "h2c/1, web socket, a/b/c, h2c;q=1, \xe9, x")], ("x",)),
        ([("Connection", "upgrade"), ("Upgrade", "h2cx")], ("h2cx",)),
    ],
)
def test_the_protocols_that_a_request_asks_for(headers, asked):
    assert asked_protocols(headers) == asked


@pytest.mark.parametrize(
    ("name", "value", "passed"),
    [
        ("connection", "keep-alive, Upgrade", "keep-alive, Upgrade"),
        ("connection", "Upgrade, HTTP2-Settings, X-a,close", "Upgrade"),
        ("connection", "X-a", ""),
        ("upgrade", "WebSocket", "WebSocket"),
        ("upgrade", "h2c,WebSocket, TLS/1.0", "WebSocket"),
        ("upgrade", "H2C", ""),
    ],
)
def test_what_is_passed_on_of_the_fields_of_an_upgrade(name, value, passed):
    assert of_upgrade(name, value) == passed
