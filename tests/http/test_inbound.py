import errno
import tempfile
from io import BytesIO

import pytest

from httptee.errors import (
    BadRequest,
    BodyStorage,
    BodyTooLarge,
    ConnectRefused,
    ExpectationFailed,
    LoopDetected,
    NotImplementedCoding,
)
from httptee.http.arriving import ended
from httptee.http.headers import CHUNKED, Additions
from httptee.http.hops import UPGRADE
from httptee.http.inbound import RECEIVED_HEADERS, REQUEST_ID, client_of, receive
from httptee.http.message import FileBody
from httptee.http.peers import Proxies
from httptee.http.uploads import STREAMED_BODY, StreamedBody
from tests.http.uploads.sources import Purse, Scripted, read_all


def environ(**changes):
    return {
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": "/",
        "REMOTE_ADDR": "192.0.2.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        **changes,
    }


def take(in_memory=1000, most=10_000, **changes):
    return receive(environ(**changes), Additions(), in_memory, most)


@pytest.mark.parametrize("target", ["/a%2Fb", "//x", "/?", "/%zz", "/a/../b", "/|~\xe9", "/a!b"])
def test_a_target_arrives_as_it_was_sent(target):
    assert take(REQUEST_URI=target).target == target


def test_gunicorns_name_for_the_raw_target_is_known():
    assert take(REQUEST_URI=None, RAW_URI="/a%2Fb?").target == "/a%2Fb?"


def test_without_a_raw_target_it_is_rebuilt():
    request = take(REQUEST_URI=None, SCRIPT_NAME="/s", PATH_INFO="/a b", QUERY_STRING="q=1")
    assert request.target == "/s/a%20b?q=1"


def received(*pairs, **changes):
    """What is forwarded of a request that the tee's own server has read."""
    request = take(**{"wsgi.input": BytesIO(), RECEIVED_HEADERS: list(pairs), **changes})
    return request.target, request.headers


def test_the_host_of_an_absolute_target_replaces_the_clients_in_its_place():
    assert received(("A", "1"), ("hOST", "other"), ("B", "2"), REQUEST_URI="http://Shop:81/cart?x") == (
        "/cart?x",
        [("A", "1"), ("hOST", "Shop:81"), ("B", "2")],
    )


def test_an_old_request_gets_the_host_of_its_target_or_an_empty_one():
    old = {"SERVER_PROTOCOL": "HTTP/1.0"}
    assert received(("A", "1"), REQUEST_URI="http://shop/x", **old) == ("/x", [("Host", "shop"), ("A", "1")])
    assert received(("A", "1"), REQUEST_URI="/x", **old) == ("/x", [("Host", ""), ("A", "1")])
    assert take(HTTP_A="1", **old).headers == [("Host", ""), ("A", "1")]


def test_options_for_a_server_in_absolute_form_is_the_asterisk():
    asked = received(("Host", "x"), REQUEST_METHOD="OPTIONS", REQUEST_URI="http://shop:80")
    assert asked == ("*", [("Host", "shop:80")])


@pytest.mark.parametrize("host", ["a b", ":8080", "me@shop", "shop/x", "a,b", "a, b", "h\xf6", "[::1"])
def test_another_server_may_pass_a_host_that_is_none(host):
    with pytest.raises(BadRequest):
        take(HTTP_HOST=host)


@pytest.mark.parametrize(
    "changes",
    [
        {RECEIVED_HEADERS: [("Host", "h"), ("Transfer-Encoding", "chunked")], "CONTENT_LENGTH": "0"},  # the tee's own
        {"HTTP_HOST": "h", "HTTP_TRANSFER_ENCODING": "chunked"},  # gunicorn
        {"HTTP_HOST": "h", "CONTENT_LENGTH": "0"},  # waitress
    ],
)
def test_an_empty_body_has_a_length(changes):
    request = take(REQUEST_METHOD="POST", **changes)
    assert (request.headers, request.body) == ([("Host", "h"), ("Content-Length", "0")], b"")


def test_a_request_without_a_body_is_given_no_length():
    for changes in ({RECEIVED_HEADERS: [("Host", "h")], "CONTENT_LENGTH": ""}, {"HTTP_HOST": "h"}):
        assert take(REQUEST_METHOD="POST", **changes).headers == [("Host", "h")]


@pytest.mark.parametrize(
    ("coding", "refusal"),
    [("gzip, chunked", NotImplementedCoding), ("xchunked", BadRequest), ("chunked\xa0", BadRequest), ("", BadRequest)],
)
def test_another_server_may_pass_a_coding_that_is_not_chunked(coding, refusal):
    with pytest.raises(refusal):
        take(HTTP_TRANSFER_ENCODING=coding, **{"wsgi.input": BytesIO(b"abc")})


def test_an_expectation_that_another_server_passes_is_refused_unless_it_is_100_continue():
    assert take(HTTP_HOST="h", HTTP_EXPECT="100-Continue").headers == [("Host", "h")]
    with pytest.raises(ExpectationFailed):
        take(HTTP_HOST="h", HTTP_EXPECT="200-ok")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_via_has_the_version_that_was_received_and_shows_a_loop_in_either(version):
    additions = Additions(via="1.1 httptee (x)")
    asked = environ(SERVER_PROTOCOL=f"HTTP/{version}", HTTP_HOST="h")
    request = receive(asked, additions, 1000, 1000)
    assert request.headers == [("Host", "h"), ("Via", f"{version} httptee (x)")]
    with pytest.raises(LoopDetected):
        receive(environ(HTTP_HOST="h", HTTP_VIA=request.headers[1][1]), additions, 1000, 1000)


@pytest.mark.parametrize("target", ["a", "*", "/a b", "/a\r\nX: 1", "ftp://h/", "/\x00", "/#f", "http://h/a#b?c"])
def test_a_malformed_target_is_refused(target):
    with pytest.raises(BadRequest):
        take(REQUEST_URI=target)


def test_the_asterisk_belongs_to_options():
    assert take(REQUEST_METHOD="OPTIONS", REQUEST_URI="*").target == "*"


@pytest.mark.parametrize("framing", [{"CONTENT_LENGTH": "1"}, {"HTTP_TRANSFER_ENCODING": "chunked"}])
def test_a_trace_has_no_content(framing):
    with pytest.raises(BadRequest):
        take(REQUEST_METHOD="TRACE", HTTP_HOST="h", **framing, **{"wsgi.input": BytesIO(b"a")})
    assert take(REQUEST_METHOD="TRACE", HTTP_HOST="h").body == b""
    assert take(REQUEST_METHOD="TRACE", HTTP_HOST="h", CONTENT_LENGTH="0").body == b""


def test_connect_is_refused():
    with pytest.raises(ConnectRefused):
        take(REQUEST_METHOD="CONNECT", REQUEST_URI="a:80")


def test_the_list_as_received_wins_over_the_environ():
    pairs = [("x-A", "1"), ("X-a", "2")]
    assert take(HTTP_X_A="1,2", **{RECEIVED_HEADERS: [("Host", "h"), *pairs]}).headers == [("Host", "h"), *pairs]


def test_under_another_server_names_come_from_the_environ():
    request = take(HTTP_HOST="h", HTTP_X_USER_ID="7", CONTENT_TYPE="text/plain", CONTENT_LENGTH="")
    assert request.headers == [("Host", "h"), ("X-User-Id", "7"), ("Content-Type", "text/plain")]


def test_an_ipv4_client_on_a_dual_stack_socket_is_an_ipv4_client():
    assert take(REMOTE_ADDR="::ffff:192.0.2.9").client == "192.0.2.9"


def test_a_short_body_is_held_in_memory():
    assert take(CONTENT_LENGTH="3", **{"wsgi.input": BytesIO(b"abcdef")}).body == b"abc"


def test_a_long_body_is_held_in_a_file():
    body = take(in_memory=2, CONTENT_LENGTH="6", **{"wsgi.input": BytesIO(b"abcdef")}).body
    assert isinstance(body, FileBody)
    assert len(body) == 6
    assert body.file.read() == b"abcdef"


def test_a_chunked_body_is_read_to_its_end():
    request = take(HTTP_TRANSFER_ENCODING="chunked", **{"wsgi.input": BytesIO(b"abcdef")})
    assert request.body == b"abcdef"


def test_a_long_chunked_body_goes_to_a_file():
    body = take(in_memory=2, HTTP_TRANSFER_ENCODING="chunked", **{"wsgi.input": BytesIO(b"abcdef")}).body
    assert isinstance(body, FileBody)
    with body.file:
        assert (len(body), body.file.read()) == (6, b"abcdef")


def test_a_body_over_the_limit_is_refused_before_it_is_read():
    with pytest.raises(BodyTooLarge):
        take(most=5, CONTENT_LENGTH="6")


def test_a_chunked_body_over_the_limit_is_refused():
    with pytest.raises(BodyTooLarge):
        take(in_memory=2, most=5, HTTP_TRANSFER_ENCODING="chunked", **{"wsgi.input": BytesIO(b"abcdef")})


@pytest.mark.parametrize("length", ["x", "-1", "+1", "1 1", "\u0661"])
def test_a_length_that_is_no_number_is_refused(length):
    with pytest.raises(BadRequest):
        take(CONTENT_LENGTH=length)


def test_a_body_that_ends_early_is_refused():
    with pytest.raises(BadRequest):
        take(CONTENT_LENGTH="6", **{"wsgi.input": BytesIO(b"abc")})


class Input:
    """The input of another server: no descriptor, and `most` bytes or fewer at a read."""

    def __init__(self, data, most=3, error=None):
        self.left, self.most, self.error = data, most, error
        self.read_beyond = False

    def read(self, size):
        if not self.left and self.error is not None:
            raise self.error
        self.read_beyond = self.read_beyond or size > len(self.left)
        data, self.left = self.left[: min(size, self.most)], self.left[min(size, self.most) :]
        return data


def content(body):
    if isinstance(body, bytes):
        return body
    with body.file:
        assert len(body) == body.length
        return body.file.read()


@pytest.mark.parametrize("in_memory", [2, 50, 51, 1000])
def test_a_body_is_read_to_its_length_though_a_read_returns_less(in_memory):
    source = Input(b"x" * 51 + b"GET / HTTP/1.1")
    body = take(in_memory=in_memory, CONTENT_LENGTH="51", **{"wsgi.input": source}).body
    assert content(body) == b"x" * 51
    assert source.left == b"GET / HTTP/1.1"
    assert not source.read_beyond


@pytest.mark.parametrize("in_memory", [2, 50, 51, 1000])
def test_a_chunked_body_is_read_to_its_end_though_a_read_returns_less(in_memory):
    source = Input(b"x" * 51)
    body = take(in_memory=in_memory, HTTP_TRANSFER_ENCODING="chunked", **{"wsgi.input": source}).body
    assert content(body) == b"x" * 51
    assert isinstance(body, bytes) is (in_memory >= 51)


@pytest.mark.parametrize("in_memory", [2, 99, 100])
@pytest.mark.parametrize("kind", [Input, BytesIO])
def test_a_body_shorter_than_its_length_is_refused_wherever_it_is_held(kind, in_memory):
    with pytest.raises(BadRequest, match="ended before"):
        take(in_memory=in_memory, CONTENT_LENGTH="100", **{"wsgi.input": kind(b"x" * 50)})


def test_a_file_counts_from_where_it_stands():
    source = BytesIO(b"x" * 100)
    source.read(60)
    with pytest.raises(BadRequest, match="ended before"):
        take(in_memory=2, CONTENT_LENGTH="41", **{"wsgi.input": source})
    assert content(take(in_memory=2, CONTENT_LENGTH="40", **{"wsgi.input": source}).body) == b"x" * 40


class Stream(Input):
    """Has a descriptor, but is no file: a socket's."""

    def fileno(self):
        return 0

    def seekable(self):
        return False


def test_a_socket_is_copied_to_a_file():
    body = take(in_memory=2, CONTENT_LENGTH="51", **{"wsgi.input": Stream(b"x" * 60)}).body
    assert content(body) == b"x" * 51


@pytest.mark.parametrize("size", [3, 100])
@pytest.mark.parametrize("headers", [{"CONTENT_LENGTH": "200"}, {"HTTP_TRANSFER_ENCODING": "chunked"}])
@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (OSError("no more data"), BadRequest),
        (ConnectionResetError(errno.ECONNRESET, "reset"), BadRequest),
        (TimeoutError(errno.ETIMEDOUT, "timed out"), BadRequest),
        (OSError(errno.EIO, "bad block"), BodyStorage),
    ],
)
def test_an_error_of_the_input_is_a_refusal(error, refusal, headers, size):
    with pytest.raises(refusal):
        take(in_memory=10, **headers, **{"wsgi.input": Input(b"x" * size, error=error)})


@pytest.mark.parametrize("headers", [{"CONTENT_LENGTH": "51"}, {"HTTP_TRANSFER_ENCODING": "chunked"}])
def test_a_body_for_which_there_is_no_file_is_a_refusal(monkeypatch, tmp_path, headers):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(BodyStorage):
        take(in_memory=2, **headers, **{"wsgi.input": Input(b"x" * 51)})


def test_a_disk_that_is_full_is_a_refusal_and_the_file_is_closed(monkeypatch):
    class Full(BytesIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, "full")

    file = Full()
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: file)
    with pytest.raises(BodyStorage):
        take(in_memory=2, CONTENT_LENGTH="51", **{"wsgi.input": Input(b"x" * 51)})
    assert file.closed


def test_the_id_of_a_request_is_in_its_field_and_in_the_environ():
    for headers in ([("Host", "h"), ("x-request-id", "abc")], [("Host", "h")]):
        given = environ(**{RECEIVED_HEADERS: headers})
        request = receive(given, Additions(id_header="X-Request-Id"), 1000, 1000)
        assert [value for name, value in request.headers if name.lower() == "x-request-id"] == [given[REQUEST_ID]]
        assert len(headers) == 1 or given[REQUEST_ID] == "abc"


def test_without_the_option_a_request_gets_no_id():
    given = environ(**{RECEIVED_HEADERS: [("Host", "h")]})
    assert receive(given, Additions(), 1000, 1000).headers == [("Host", "h")]
    assert REQUEST_ID not in given


ASKS = [("Host", "h"), ("Connection", "upgrade"), ("Upgrade", "Echo")]


@pytest.mark.parametrize(
    ("server", "upgrades", "asked"),
    [({UPGRADE: None}, True, ("echo",)), ({UPGRADE: None}, False, ()), ({}, True, ())],
)
def test_a_request_asks_for_an_upgrade_where_the_server_can_give_its_connection_up(server, upgrades, asked):
    made = environ(**{RECEIVED_HEADERS: ASKS, **server})
    request = receive(made, Additions(upgrades=upgrades), 1000, 1000)
    assert request.upgrade == asked
    assert request.headers == (ASKS if asked else ASKS[:1])


def test_the_client_is_whom_trusted_proxies_name_and_the_peer_is_what_is_appended():
    headers = [("Host", "h"), ("X-Forwarded-For", "6.6.6.6, 203.0.113.9")]
    asked = environ(REMOTE_ADDR="10.0.0.1", **{RECEIVED_HEADERS: headers})
    additions = Additions(forward_client=True, proxies=Proxies.parse("10.0.0.0/8"), origin=True)
    request = receive(asked, additions, 100, 100)
    assert request.client == client_of(asked) == "203.0.113.9"
    assert dict(request.headers)["X-Forwarded-For"] == "6.6.6.6, 203.0.113.9, 10.0.0.1"
    assert dict(request.headers)["Forwarded"] == "for=10.0.0.1;proto=http"
    assert dict(request.headers)["X-Forwarded-Host"] == "h"


class TestABodyThatStreams:
    def test_is_not_read_and_keeps_its_length(self):
        source = Scripted(b"abc", length=3)
        request = take(HTTP_HOST="h", CONTENT_LENGTH="3", **{STREAMED_BODY: source})
        assert isinstance(request.body, StreamedBody)
        assert request.headers == [("Host", "h"), ("Content-Length", "3")]
        assert source.items == [b"abc"]

    def test_stays_chunked_for_a_and_has_a_length_for_the_bs(self):
        request = take(HTTP_HOST="h", **{STREAMED_BODY: Scripted(b"ab", b"c")})
        body = request.body
        assert request.headers == [("Host", "h"), CHUNKED]
        body.keep(10, Purse(10))
        read_all(body)
        clone, _, lost = ended(request)
        assert lost == ""
        assert (clone.headers, clone.body, clone.number) == (
            [("Host", "h"), ("Content-Length", "3")],
            b"abc",
            request.number,
        )

    def test_shares_its_head_with_the_bs_only_if_it_is_the_same(self):
        for source, shared in (
            (Scripted(length=0), [b"head"]),
            (Scripted(length=0, expects=True), []),
            (Scripted(), []),
        ):
            request = take(HTTP_HOST="h", CONTENT_LENGTH="0", **{STREAMED_BODY: source})
            request.shared_head.append(b"head")
            assert ended(request)[0].shared_head == shared

    def test_that_was_not_kept_stays_one(self):
        request = take(HTTP_HOST="h", CONTENT_LENGTH="3", **{STREAMED_BODY: Scripted(b"abc", length=3)})
        clone, _, lost = ended(request)
        assert clone.body is request.body
        assert (len(clone.body), lost) == (3, "incomplete")
