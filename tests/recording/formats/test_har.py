import io
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httptee.recording import Kept
from httptee.recording.formats.har import HarReader, HarWriter
from tests.recording.formats.made import NOW, exchange


def written(*exchanges):
    file = io.BytesIO()
    writer = HarWriter(file)
    for one in exchanges:
        writer.write(one)
    writer.close()
    return file.getvalue(), dict(writer.losses)


def read(data):
    reader = HarReader(io.BytesIO(data if isinstance(data, bytes) else json.dumps(data).encode()))
    return list(reader), dict(reader.losses)


texts = st.text(st.characters(min_codepoint=33, max_codepoint=255), min_size=1, max_size=20)
fields = st.lists(st.tuples(texts, texts), max_size=4)


@settings(deadline=None)
@given(texts, texts, fields, st.binary(max_size=50), fields, st.binary(max_size=50), st.integers(0, 9))
def test_an_exchange_goes_in_and_out(method, target, headers, body, answer_headers, answer_body, number):
    one = exchange(number, method, target, headers, body, 404, "No", answer_headers, answer_body)
    assert read(written(one)[0])[0] == [one]


@pytest.mark.parametrize("target", ["/", "*", "http://other/x", "/a b#c", "//x", "/?", "/\xff%zz"])
def test_any_target_goes_in_and_out(target):
    (one,), _ = read(written(exchange(target=target))[0])
    assert one.target == target


def test_bodies_that_are_no_text_are_in_base64_and_the_comment_says_so():
    log = json.loads(written(exchange(body=b"\x00\xff", answer_body=b"\xff"))[0])["log"]
    (entry,) = log["entries"]
    assert entry["request"]["postData"]["_encoding"] == "base64"
    assert entry["response"]["content"]["encoding"] == "base64"
    assert entry["comment"] == (
        "the body of the request is no text, and is in base64; the body of the answer is no text, and is in base64"
    )
    assert "base64" in log["comment"]
    assert log["version"] == "1.2"


def test_the_times_are_those_of_the_exchange():
    (entry,) = json.loads(written(exchange())[0])["log"]["entries"]
    assert entry["startedDateTime"] == "2023-11-14T22:13:20.001000+00:00"
    assert entry["timings"] == {"send": 0, "wait": 2.0, "receive": 1.0}
    assert entry["time"] == 3.0


def test_bodies_that_were_too_long_are_told():
    data, losses = written(replace(exchange(), answer_body=Kept(b"", 9, b"d" * 32)))
    assert "too long" in json.loads(data)["log"]["entries"][0]["comment"]
    assert list(losses.values()) == [1]


def test_no_answer_is_no_answer():
    one = exchange(status=0, reason="", answer_headers=(), answer_body=b"", first_byte=-1, ended=-1, error="timeout")
    assert read(written(one)[0])[0] == [one]


def test_a_document_without_entries_is_one():
    assert read(written()[0]) == ([], {})


FROM_A_BROWSER = {
    "startedDateTime": "2023-11-14T22:13:20.5Z",
    "connection": "443",
    "request": {
        "method": "POST",
        "url": "https://u:p@shop.example:8443/x?y=1#part",
        "headers": [{"name": ":authority", "value": "shop.example"}, {"name": "x-a", "value": "\u20ac"}],
        "postData": {"mimeType": "application/x-www-form-urlencoded", "params": [{"name": "a", "value": "b c"}]},
    },
    "response": {
        "status": 200,
        "statusText": "",
        "headers": [{"name": "content-encoding", "value": "br"}, {"name": "content-length", "value": "5"}],
        "content": {"text": "hello, decoded"},
    },
    "timings": {"blocked": -1, "dns": 1, "connect": 5, "ssl": 4, "send": 0.5, "wait": 3, "receive": 2},
}


def test_what_a_browser_saved_is_read():
    (one, other), losses = read({"log": {"entries": [FROM_A_BROWSER, FROM_A_BROWSER]}})
    assert (one.method, one.target, one.body.data) == ("POST", "/x?y=1", b"a=b+c")
    assert one.headers == (("Host", "shop.example:8443"), ("x-a", "\xe2\x82\xac"), ("Content-Length", "5"))
    assert one.answer_headers == (("Content-Length", "14"),)
    assert one.answer_body.data == b"hello, decoded"
    assert (one.arrived, one.first_byte, one.ended) == (NOW + 500_000_000, 9_500_000, 11_500_000)
    assert (one.connection, other.connection, other.place) == (1, 1, 2)
    assert not losses


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"log":{}}', b'{"log":{"entries":3}}', b"\xff", b"[" * 100_000])
def test_what_is_no_har_is_refused(data):
    with pytest.raises(ValueError, match="no HAR"):
        read(data)


entries = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*FROM_A_BROWSER, *FROM_A_BROWSER["request"], *FROM_A_BROWSER["response"]]), inner
        )
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=300)
@given(st.lists(entries, max_size=3))
def test_entries_that_are_no_exchange_are_counted(found):
    exchanges, losses = read({"log": {"entries": found}})
    assert len(exchanges) + sum(losses.values()) == len(found)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(["request", "response", "timings"]), st.data())
def test_an_entry_with_one_wrong_part_makes_no_error(part, data):
    name = data.draw(st.sampled_from(sorted(FROM_A_BROWSER[part])))
    changed = {**FROM_A_BROWSER, part: {**FROM_A_BROWSER[part], name: data.draw(entries)}}
    exchanges, losses = read({"log": {"entries": [changed]}})
    assert len(exchanges) + sum(losses.values()) == 1
