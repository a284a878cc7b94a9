import io
import os
import shutil
import socket
import subprocess
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from httptee.http import FileBody
from httptee.verdict.display.curl import curl
from httptee.verdict.display.variables import CannotSend
from httptee.verdict.evidence.keeping import kept
from tests.verdict.evidence.made import JSON, PRICE, pair, request

needs_curl = pytest.mark.skipif(not shutil.which("curl") or not shutil.which("bash"), reason="curl or bash is missing")


def command(asked, server="", keep="full"):
    return curl(kept(pair(3, asked=asked), [PRICE], None, keep, 1), server)


def sent(text, **variables):
    """What the command sends, as bytes: the head and the body."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        got = []
        thread = threading.Thread(target=lambda: got.append(_received(listening)), daemon=True)
        thread.start()
        environ = {"PATH": os.environ["PATH"], "SERVER": f"http://127.0.0.1:{listening.getsockname()[1]}", **variables}
        ended = subprocess.run(["bash"], input=text.encode(), env=environ, capture_output=True, check=False, timeout=30)
        assert ended.returncode == 0, ended.stderr
        thread.join(30)
    return got[0].split(b"\r\n\r\n", 1)


def _received(listening):
    sock, _ = listening.accept()
    with sock:
        data = b""
        while b"\r\n\r\n" not in data and (piece := sock.recv(65536)):
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        while len(body) < length and (piece := sock.recv(65536)):
            data += piece
            body += piece
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    return data


def lines(head):
    return head.decode("latin-1").split("\r\n")


def test_a_plain_request_is_a_plain_command():
    assert command(request("/a?b=1", [("User-Agent", "x"), ("Accept", "*/*"), *JSON])) == (
        "# GET of pair 3\n"
        "# SERVER=http://127.0.0.1:8080\n"
        "curl --globoff --path-as-is \\\n"
        "  \"$SERVER\"'/a?b=1' \\\n"
        "  -H 'Host: shop' \\\n"
        "  -H 'User-Agent: x' \\\n"
        "  -H 'Accept: */*' \\\n"
        "  -H 'Content-Type: application/json'\n"
    )


def test_the_server_may_be_given():
    text = command(request("/a"), "http://b:9001/")
    assert "'http://b:9001''/a'" in text
    assert "SERVER" not in text


def test_credentials_are_variables_and_are_listed():
    text = command(request("/?token=abc", [("Authorization", "Bearer abc123"), ("Cookie", "sid=x; b=y")]))
    assert "# TOKEN=...\n" in text
    assert "-H 'Authorization: Bearer '\"$AUTHORIZATION\"" in text
    assert "-H 'Cookie: sid='\"$SID\"'; b='\"$B\"" in text


@needs_curl
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "REPORT", "PATCH", "X'Y"])
def test_any_method_is_sent(method):
    head, body = sent(command(request("/a", method=method)))
    assert lines(head)[0] == f"{method} /a HTTP/1.1"
    assert body == b""


@needs_curl
@pytest.mark.parametrize(
    "target",
    ["/", "/a/../b/./c", "/a%2Fb//..;/x?q=%zz|", "//x", "/?", "/a?b?c", "/{a,b}[1-3]", "/it's",
     '/"$HOME`id`', "/a\\b", "/\xe9", "*", "/a#b", "/!x", "http://other/x"],
)  # fmt: skip
def test_a_target_is_sent_byte_for_byte(target):
    head, _ = sent(command(request(target)))
    assert lines(head)[0] == f"GET {target} HTTP/1.1"


@needs_curl
def test_the_fields_are_those_of_the_request_and_no_others():
    fields = [("X-B", "1"), ("x-a", "it's \"$HOME\" `id` \\n"), ("X-B", "2"), ("X-Empty", ""), ("X-Latin", "\xe9\xff"),
              ("Content-Length", "7"), ("Accept-Encoding", "gzip")]  # fmt: skip
    head, body = sent(command(request("/a", fields, b"1234567", "POST")))
    got = [line.partition(":") for line in lines(head)[1:]]
    assert sorted((name, value.strip()) for name, _, value in got) == sorted([("Host", "shop"), *fields])
    assert body == b"1234567"


BODIES = [
    b"x", b"@file", b"a'b\"c$HOME`id`\\n!x", b"line\r\nline\n\n", b"\x00\x01\xff", bytes(range(256)), b"\xff" * 300_000,
    b'{"x": "\xc3\xa9"}', b"a" * 150_000, b"%00%n%s", b"-n",
]  # fmt: skip


@needs_curl
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_a_body_is_sent_byte_for_byte(body):
    head, got = sent(command(request("/a", body=body, method="PUT")))
    assert got == body
    assert f"content-length: {len(body)}" in head.decode("latin-1").lower()
    assert b"Expect" not in head


@needs_curl
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(min_size=1, max_size=300), st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=30))
def test_any_request_is_sent_byte_for_byte(body, text):
    target = "/" + "".join(one for one in text if one not in "\x7f\x85\xa0\xad")
    head, got = sent(command(request(target, [("X-Text", f"a{target}b")], body, "POST")))
    assert lines(head)[0] == f"POST {target} HTTP/1.1"
    assert f"X-Text: a{target}b" in lines(head)
    assert got == body


@needs_curl
@pytest.mark.parametrize("binary", [b"", b"\x00"])
def test_variables_are_filled_in_wherever_they_stand(binary):
    asked = request("/?token=abc", [("Authorization", "Bearer abc123"), *JSON], b'{"password":"xyz"}' + binary, "POST")
    head, body = sent(command(asked), TOKEN="t 1".replace(" ", "+"), AUTHORIZATION="a'b", PASSWORD='p"$x')
    assert lines(head)[0] == "POST /?token=t+1 HTTP/1.1"
    assert "Authorization: Bearer a'b" in lines(head)
    assert body == b'{"password":"p"$x"}' + binary


@pytest.mark.parametrize("keep", ["paths", "values"])
def test_there_is_none_where_no_request_is_kept(keep):
    with pytest.raises(CannotSend, match=f"only the {keep} are kept"):
        command(request(), keep=keep)


def test_there_is_none_where_the_body_was_too_long():
    with pytest.raises(CannotSend, match="the body is too long"):
        command(request(body=FileBody(io.BytesIO(b"abc"), 3)))


def test_what_a_client_sent_runs_nothing():
    text = command(request("/\n; touch x", [("X-A", "1\n; touch x")], b"1\n; touch x", "A\n; touch x"))
    assert "\n; touch" not in text
