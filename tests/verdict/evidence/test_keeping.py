import gzip
import io
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.compare import Difference, Key, Outline
from httptee.http import FileBody
from httptee.verdict.court import Again
from httptee.verdict.evidence.keeping import is_masked, kept
from httptee.verdict.evidence.stored import packed, unpacked
from tests.verdict.evidence.made import JSON, PRICE, as_body, difference, outcome, pair, request

SECRET = "s3cr3t.Va1ue"


def stored(one, found=(PRICE,), again=None, keep="full"):
    return kept(one, found, again, keep, 1)


def everything(one):
    head, bodies = packed(one)
    return head + (zlib.decompress(bodies).decode("latin-1") if bodies else "")


def in_field(name, value):
    return {"asked": request(headers=[(name, value)])}


PLACES = {
    "authorization": in_field("Authorization", f"Bearer {SECRET}"),
    "a cookie": in_field("Cookie", f"a=1; sid={SECRET}"),
    "an API key": in_field("X-Api-Key", SECRET),
    "a query": {"asked": request(f"/x?access_token={SECRET}&q=1")},
    "a form": {
        "asked": request(
            headers=[("Content-Type", "application/x-www-form-urlencoded")], body=f"password={SECRET}".encode()
        )
    },
    "JSON": {"asked": request(headers=JSON, body=as_body({"user": {"password": SECRET}}))},
    "A's cookie": {"a": outcome(headers=[("Set-Cookie", f"sid={SECRET}; Path=/")])},
    "B's JSON": {"b": outcome(as_body({"token": SECRET}))},
    "a compressed answer": {
        "a": outcome(gzip.compress(as_body({"token": SECRET})), [*JSON, ("Content-Encoding", "gzip")])
    },
    "a compressed request": {
        "asked": request(headers=[("Content-Encoding", "gzip")], body=gzip.compress(as_body({"token": SECRET})))
    },
    "an unknown coding": {"a": outcome(SECRET.encode(), [("Content-Encoding", "strange")])},
    "a redirect": {"b": outcome(headers=[("Location", f"/cb?token={SECRET}")])},
}  # fmt: skip


@pytest.mark.parametrize("keep", ["paths", "values", "full"])
@pytest.mark.parametrize("place", PLACES)
def test_a_credential_is_nowhere_in_what_is_kept(place, keep):
    one = pair(**PLACES[place])
    found = [
        difference("$.token", a=SECRET, b="other"),
        difference("set-cookie", a=f"sid={SECRET}", b=None, part="header"),
    ]
    again = Again(one.a, one.b, 1001.0)
    assert SECRET not in everything(stored(one, found, again, keep))


@pytest.mark.parametrize("place", ["authorization", "a cookie", "a query", "a form", "JSON", "A's cookie"])
def test_a_credential_that_a_server_repeats_is_replaced_there_too(place):
    echo = outcome(as_body({"echo": f"you sent {SECRET}"}))
    asked = PLACES[place].get("asked")
    first = PLACES[place].get("a", echo)
    found = [difference("$.echo", a=f"you sent {SECRET}", b="you sent nothing")]
    one = stored(pair(a=first, b=echo, asked=asked), found)
    assert SECRET not in everything(one)
    assert one.found[0].a.startswith("you sent ***")


@given(st.text("abcdefghXYZ0123456789-_.~+/=", min_size=8, max_size=30))
def test_any_token_is_replaced(token):
    asked = request(f"/x?api_key={token}", [("Authorization", f"Bearer {token}"), ("Cookie", f"sid={token}")])
    answer = outcome(as_body({"token": token, "echo": f"<{token}>"}))
    assert token not in everything(stored(pair(a=answer, b=answer, asked=asked)))


def test_equal_credentials_stay_equal_within_a_pair():
    one = stored(
        pair(
            a=outcome(as_body({"token": "one-token", "next": {"token": "one-token"}})),
            b=outcome(as_body({"token": "another-one", "next": {"token": "one-token"}})),
        )
    )
    assert json.loads(one.a.body) == {"token": "***1", "next": {"token": "***1"}}
    assert json.loads(one.b.body) == {"token": "***2", "next": {"token": "***1"}}
    assert one.names == {"***1": "token", "***2": "token"}


def test_the_whole_pair_is_kept():
    one = pair(
        asked=request("/a%2Fb?x", [("X-A", "1")], b"\x00\xff", "PUT"), b=outcome(None, status=0, failure="timeout")
    )
    again = Again(outcome(b"1"), outcome(b"2"), 1090.0, delayed=True)
    full = stored(one, again=again)
    assert (full.request.method, full.request.target, full.request.body) == ("PUT", "/a%2Fb?x", b"\x00\xff")
    assert full.request.headers == [("Host", "shop"), ("X-A", "1")]
    assert (full.a.status, full.a.body, full.b.status, full.b.failure) == (200, b'{"price":1.5}', 0, "timeout")
    assert (full.again_a.body, full.again_b.body, full.again_at, full.delayed) == (b"1", b"2", 1090.0, True)
    assert full.found == (PRICE,)


def test_values_has_the_values_and_no_message():
    one = stored(pair(), [PRICE, difference("$.token", a="a-token", b="a-token2")], keep="values")
    assert (one.request, one.a, one.b) == (None, None, None)
    assert [(part.a, part.b) for part in one.found] == [(1.5, 2.5), ("***1", "***2")]


def test_paths_has_the_keys_only():
    one = stored(pair(asked=request("/secret-name")), [difference("$.name", a="tim", b="tom")], keep="paths")
    assert one.found == (Difference(Key("body", "$.name", "value"), None, None, "", 1),)
    assert "tim" not in everything(one)
    assert "secret-name" not in everything(one)


def test_a_compressed_answer_is_kept_decoded():
    one = stored(pair(a=outcome(gzip.compress(b'{"x":1}'), [*JSON, ("Content-Encoding", "gzip")])))
    assert (one.a.body, one.a.note) == (b'{"x":1}', "decoded from gzip")


def test_a_compressed_request_without_a_credential_is_kept_as_it_came():
    body = gzip.compress(b"cpu value=1")
    one = stored(pair(asked=request(headers=[("Content-Encoding", "gzip")], body=body)))
    assert (one.request.body, one.request.note) == (body, "")


def test_a_compressed_request_with_a_credential_is_kept_decoded():
    body = gzip.compress(b"password=abc")
    one = stored(pair(asked=request(headers=[("Content-Encoding", "gzip")], body=body)))
    assert (one.request.body, one.request.note) == (b"password=***1", "decoded from gzip")


def test_a_body_that_was_too_long_is_not_there():
    one = stored(pair(a=outcome(None), asked=request(body=FileBody(io.BytesIO(b"abc"), 3))))
    assert (one.a.body, one.request.body, one.request.length) == (None, None, 3)


def test_long_values_are_cut_and_differences_counted():
    found = [difference(f"$.k{number}", a="x" * 5000, b=b"y" * 5000) for number in range(500)]
    one = stored(pair(), found, keep="values")
    assert len(one.found) == 200
    assert (len(one.found[0].a), len(one.found[0].b)) == (1000, 1000)


def test_the_outline_of_a_list_stays_one_if_it_is_masked_or_cut():
    found = [difference("$.l", "order", Outline('[{"token": "s3cr3t"}]'), Outline("[" + "1, " * 1000 + "1]"))]
    [one] = stored(pair(), found).found
    assert (type(one.a), type(one.b), len(one.b)) == (Outline, Outline, 1000)
    assert "s3cr3t" not in one.a


def test_what_was_masked_is_known():
    raw = difference("$.token", a="one", b="two")
    assert is_masked(raw, stored(pair(), [raw]).found[0])
    assert not is_masked(PRICE, stored(pair()).found[0])


@pytest.mark.parametrize("keep", ["paths", "values", "full"])
def test_the_id_of_the_request_is_kept_in_any_case(keep):
    one = pair(asked=request(headers=[("x-request-id", "4bf92f")]))
    assert kept(one, (PRICE,), None, keep, 1, "X-Request-Id").id == "4bf92f"
    assert kept(one, (PRICE,), None, keep, 1).id == ""
    assert unpacked(*packed(kept(one, (PRICE,), None, keep, 1, "X-Request-Id"))).id == "4bf92f"


def test_a_credential_that_is_sent_as_an_id_is_replaced():
    one = pair(asked=request(headers=[("X-Request-Id", SECRET), ("Authorization", f"Bearer {SECRET}")]))
    assert SECRET not in everything(kept(one, (PRICE,), None, "full", 1, "X-Request-Id"))
