import json
from base64 import b64decode

import pytest

from httptee.compare import Outcome
from httptee.verdict.display.har import har
from httptee.verdict.display.variables import CannotSend
from httptee.verdict.evidence.keeping import kept
from tests.verdict.evidence.made import JSON, PRICE, outcome, pair, request


def made(one, keep="full"):
    found = har(kept(one, [PRICE], None, keep, 1))
    json.dumps(found)
    assert found["log"]["version"] == "1.2"
    return found["log"]["entries"]


def test_there_is_an_entry_for_a_and_one_for_b():
    entries = made(pair(backend="canary"))
    assert [entry["comment"] for entry in entries] == ["A", "B canary"]
    assert [entry["response"]["content"]["text"] for entry in entries] == ['{"price":1.5}', '{"price":2.5}']
    assert [entry["time"] for entry in entries] == [1.0, 2.0]
    assert entries[0]["request"] == entries[1]["request"]
    assert entries[0]["startedDateTime"] == "1970-01-01T00:16:39.999000+00:00"


def test_the_request_is_whole():
    asked = request("/a%2Fb?x=1&y", [*JSON, ("X-A", "1"), ("x-a", "2")], b'{"z":1}', "PUT")
    found = made(pair(asked=asked))[0]["request"]
    assert (found["method"], found["url"]) == ("PUT", "http://shop/a%2Fb?x=1&y")
    assert [(one["name"], one["value"]) for one in found["headers"]] == asked.headers
    assert found["queryString"] == [{"name": "x", "value": "1"}, {"name": "y", "value": ""}]
    assert found["postData"] == {"mimeType": "application/json", "params": [], "text": '{"z":1}'}


def test_credentials_are_variables():
    asked = request("/x?api_key=abc", [("Authorization", "Bearer abc123")], b"password=xyz")
    found = made(pair(asked=asked))[0]["request"]
    assert found["url"] == "http://shop/x?api_key=$API_KEY"
    assert found["headers"][1]["value"] == "Bearer $AUTHORIZATION"
    assert found["postData"]["text"] == "password=$PASSWORD"


def test_bodies_that_are_no_text_are_in_base64():
    entry = made(pair(asked=request(body=b"\x00\xff"), a=outcome(b"\xff\x00", [])))[0]
    assert b64decode(entry["request"]["postData"]["text"]) == b"\x00\xff"
    assert entry["request"]["postData"]["_encoding"] == "base64"
    assert b64decode(entry["response"]["content"]["text"]) == b"\xff\x00"
    assert entry["response"]["content"]["encoding"] == "base64"


def test_failures_and_long_bodies_are_told():
    entry = made(pair(a=Outcome(0, [], None, failure="timeout"), b=Outcome(200, [], None, 10**6, b"d")))
    assert (entry[0]["response"]["status"], entry[0]["response"]["_error"]) == (0, "timeout")
    assert entry[1]["response"]["content"]["comment"] == "too long to be kept"


@pytest.mark.parametrize("keep", ["paths", "values"])
def test_there_is_none_where_no_request_is_kept(keep):
    with pytest.raises(CannotSend, match=f"only the {keep} are kept"):
        made(pair(), keep)


@pytest.mark.parametrize("target", ["*", "/?%zz&=&&", "/x?" + "a&" * 5000, "http://other/x", "/\xff"])
def test_any_target_is_taken(target):
    assert made(pair(asked=request(target)))[0]["request"]["url"].endswith(target)
