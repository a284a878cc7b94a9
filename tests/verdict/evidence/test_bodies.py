import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from httptee.verdict.evidence.bodies import masked_body
from httptee.verdict.evidence.masks import Masks

FORM = "application/x-www-form-urlencoded"


def masked(body, kind="application/json"):
    return masked_body(Masks(), body.encode("latin-1"), kind).decode("latin-1")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"password": "abc", "x": 1}', '{"password": "***1", "x": 1}'),
        ('{"x": 1,"token":"a","y":{"token":"a","t":"b"}}', '{"x": 1,"token":"***1","y":{"token":"***1","t":"b"}}'),
        ('{"credentials": {"user": "tim", "n": [1, "b"]}, "z": "b"}',
         '{"credentials": {"user": "***1", "n": [1, "***2"]}, "z": "b"}'),
        ('{"pin": 1234, "otp": 1234}', '{"pin": 1234, "otp": "***1"}'),
        ('{"token": true, "secret": null, "password": ""}', '{"token": true, "secret": null, "password": ""}'),
        ('{"max_tokens": 100, "tokens": ["abc", 5]}', '{"max_tokens": 100, "tokens": ["***1", 5]}'),
        ('{"pass\\u0077ord": "abc"}', '{"pass\\u0077ord": "***1"}'),
        ('{"token": "a\\"b", "x": "\\""}', '{"token": "***1", "x": "\\""}'),
        ('{"author": "tim", "key": "k"}', '{"author": "tim", "key": "k"}'),
        ('{"token": "abc', '{"token": "***1"'),
        ('{"log": "password=abc"}', '{"log": "password=***1"}'),
        ('{"a":1}\n{"token":"x"}\n', '{"a":1}\n{"token":"***1"}\n'),
        ('[["Authorization","Bearer abcdefgh"]]', '[["Authorization","Bearer ***1"]]'),
        ('"token"', '"token"'),
    ],
)  # fmt: skip
def test_json_keeps_every_byte_but_credentials(body, expected):
    assert masked(body) == expected


def test_one_text_in_two_escapes_is_one_credential():
    assert masked('{"token":"k\\u00e9y","secret":"k\xe9y"}') == '{"token":"***1","secret":"***1"}'


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        ("user=tim&password=a+b&x", FORM, "user=tim&password=***1&x"),
        ("<user><password>abc</password><b>c</b></user>", "text/xml", "<user><password>***1</password><b>c</b></user>"),
        ("<s:token x='1'>abc</s:token>", "text/xml", "<s:token x='1'>***1</s:token>"),
        ('<input type="hidden" name="csrf_token" value="abc">', "text/html",
         '<input type="hidden" name="csrf_token" value="***1">'),
        ('<input name="q" value="abc">', "text/html", '<input name="q" value="abc">'),
        ("<a href='/x?token=abc'>x</a>", "text/html", "<a href='/x?token=***1'>x</a>"),
        ('--b\r\nContent-Disposition: form-data; name="password"\r\n\r\nabc\r\n--b\r\n'
         'Content-Disposition: form-data; name="q"\r\n\r\nabc\r\n--b--\r\n', "multipart/form-data; boundary=b",
         '--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n***1\r\n--b\r\n'
         'Content-Disposition: form-data; name="q"\r\n\r\nabc\r\n--b--\r\n'),
        ("api_key: abc\n", "text/plain", "api_key: ***1\n"),
        ("\x00\xff\x80", "image/png", "\x00\xff\x80"),
        ("", "", ""),
    ],
)  # fmt: skip
def test_other_bodies_keep_every_byte_but_credentials(body, kind, expected):
    assert masked(body, kind) == expected


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(
    VALUES, st.sampled_from(["password", "accessToken", "x-api-key"]), st.text("abcXYZ0189-_", min_size=6, max_size=9)
)
def test_masked_json_is_json_without_the_credential(value, name, secret):
    body = json.dumps({"before": value, name: {"deep": [secret]}, "after": [value, {name: secret}]})
    assume(secret not in json.dumps(value))
    read = json.loads(masked(body))
    assert secret not in json.dumps(read)
    assert read[name]["deep"] == [read["after"][1][name]]
    assert read[name]["deep"][0].startswith("***")


@given(st.binary(max_size=200))
def test_any_bytes_are_taken(body):
    for kind in ("application/json", FORM, "text/html", "multipart/form-data"):
        masked_body(Masks(), b'{"token":' + body, kind)


@pytest.mark.parametrize(
    ("piece", "kind"),
    [
        ('"\\', "application/json"),
        ('{"token":', "application/json"),
        ("[", "application/json"),
        ("<input name=token ", "text/html"),
        ("<token>", "text/html"),
        ('\r\n--\r\nname="token"\r\n\r\n', "multipart/form-data"),
    ],
)
def test_a_hostile_body_comes_back(piece, kind):
    body = (piece * (200_000 // len(piece))).encode()  # with work in proportion to the square of it, this would not end
    assert masked_body(Masks(), body, kind) == body
