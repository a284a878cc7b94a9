import io
import json
import os
import subprocess
from base64 import b64decode
from dataclasses import replace

import pytest

from httptee.recording import Kept
from httptee.recording.formats.targets import CurlWriter, VegetaTextWriter, VegetaWriter
from tests.recording.formats.made import exchange
from tests.verdict.display.test_curl import lines, needs_curl, sent

LONG = Kept(b"", 9, b"d" * 32)


def written(writer, file, *exchanges):
    for one in exchanges:
        writer.write(one)
    writer.close()
    return file.getvalue().decode("latin-1")


def vegeta(*exchanges, server=""):
    file = io.BytesIO()
    writer = VegetaWriter(file, server)
    written(writer, file, *exchanges)
    return [json.loads(line) for line in file.getvalue().splitlines()], dict(writer.losses)


def test_a_request_is_a_target_of_vegeta():
    fields = [("Host", "shop"), ("X-A", "1"), ("x-b", "2"), ("X-A", "3"), ("Content-Length", "2")]
    (one,), losses = vegeta(exchange(method="PUT", headers=fields, body=b"\x00\xff"))
    assert (one["method"], one["url"], b64decode(one["body"])) == ("PUT", "http://shop/a?b=1", b"\x00\xff")
    assert one["header"] == {"Host": ["shop"], "X-A": ["1", "3"], "x-b": ["2"]}
    assert not losses


def test_the_server_may_be_given():
    assert vegeta(exchange(), server="https://b:9001/")[0][0]["url"] == "https://b:9001/a?b=1"


def test_bytes_of_utf_8_are_kept_and_others_are_told():
    (one, _), losses = vegeta(exchange(headers=[("X", "\xc3\xa9")]), exchange(headers=[("X", "\xe9")]))
    assert one["header"] == {"X": ["\u00e9"]}
    assert list(losses.values()) == [1]


def test_what_vegeta_does_not_take_is_left_out_and_told():
    found, losses = vegeta(exchange(target="/%zz"), exchange(target="/?%zz"), replace(exchange(), body=LONG))
    assert [one["url"] for one in found] == ["http://shop/?%zz"]
    assert sum(losses.values()) == 2


def test_bodies_of_the_text_format_go_to_files(tmp_path):
    file, bodies = io.BytesIO(), str(tmp_path / "x.bodies")
    os.mkdir(bodies)
    writer = VegetaTextWriter(file, "", bodies)
    text = written(
        writer,
        file,
        exchange(method="POST", body=b"\x00\n", headers=[("Host", "shop"), ("X", ""), ("Y", "1")]),
        exchange(),
        exchange(method="a-b"),
    )
    assert text == (
        f"POST http://shop/a?b=1\nHost: shop\nY: 1\n@{bodies}/000001\n\nGET http://shop/a?b=1\nHost: shop\n\n"
    )
    assert (tmp_path / "x.bodies" / "000001").read_bytes() == b"\x00\n"
    assert (tmp_path / "x.bodies" / "000001").stat().st_mode & 0o777 == 0o600
    assert sum(writer.losses.values()) == 2


def script(*exchanges, server=""):
    file = io.BytesIO()
    writer = CurlWriter(file, server)
    return written(writer, file, *exchanges), dict(writer.losses)


@needs_curl
@pytest.mark.parametrize("body", [b"", b"a'b\n", b"\x00\xff"])
def test_a_command_sends_the_same_bytes(body):
    text, _ = script(
        exchange(method="POST", target="/a%2F\xe9|", headers=[("Host", "shop"), ("X", "\xe9'")], body=body)
    )
    head, got = sent(text)
    assert lines(head)[0] == "POST /a%2F\xe9| HTTP/1.1"
    assert "X: \xe9'" in lines(head)
    assert got == body


@needs_curl
def test_a_script_without_a_server_says_what_it_needs():
    text, _ = script(exchange(), exchange(2))
    ended = subprocess.run(
        ["bash"], input=text.encode(), env={"PATH": os.environ["PATH"]}, capture_output=True, check=False
    )
    assert ended.returncode != 0
    assert b"SERVER: is the URL of the server" in ended.stderr
    assert text.count("curl ") == 2


def test_requests_without_their_bodies_are_left_out_and_told():
    text, losses = script(replace(exchange(), body=LONG), server="http://b")
    assert "curl" not in text
    assert sum(losses.values()) == 1
