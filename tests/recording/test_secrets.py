import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.recording.secrets import Secrets

KEY = b"k" * 32
SECRET = "s3same-0pen-1234"


@pytest.fixture
def secrets():
    return Secrets(KEY, ["iban", "X-Tenant"])


def body(secrets, data, kind="application/json", *fields):
    return secrets.message([("Content-Type", kind), *fields], data, len(data), "")


@pytest.mark.parametrize(
    "field",
    [
        ("Authorization", f"Bearer {SECRET}"),
        ("authorization", SECRET),
        ("Proxy-Authorization", f"Basic {SECRET}"),
        ("Cookie", f"sid={SECRET}; theme=dark"),
        ("Set-Cookie", f"sid={SECRET}; Path=/; HttpOnly"),
        ("X-Api-Key", SECRET),
        ("X-Auth-Token", SECRET),
        ("x-tenant", SECRET),
        ("Location", f"https://x/cb?access_token={SECRET}"),
        ("Location", f"https://x/cb#access_token={SECRET}&state=1"),
        ("Referer", f"https://x/?a=1&token={SECRET}#top"),
        ("Authorization", f"{SECRET} x"),
        ("Content-Location", f"/?token={SECRET}"),
        ("X-Original-URL", f"/?token={SECRET}"),
        ("X-Forwarded-Uri", f"/?token={SECRET}"),
        ("X-Rewrite-URL", f"/?token={SECRET}"),
        ("Refresh", f"5; url=https://x/?token={SECRET}"),
        ("Link", f"<https://x/?token={SECRET}>; rel=next"),
        ("X-Any-Other", f"see https://me:{SECRET}@x/ or /?token={SECRET}"),
    ],
)
def test_no_secret_is_left_in_a_header_field(secrets, field):
    (found,) = secrets.fields([field])
    assert SECRET not in found[1]
    assert found[0] == field[0]
    assert len(found[1]) == len(field[1])


def test_what_is_no_secret_stays_as_it_is(secrets):
    fields = [("Host", "a"), ("Content-Type", "text/plain"), ("X-Author", "me"), ("Host", "b")]
    assert secrets.fields(fields) is fields
    assert secrets.fields([("Set-Cookie", "sid=x; Path=/a; HttpOnly")])[0][1].endswith("; Path=/a; HttpOnly")
    assert secrets.fields([("Authorization", "Bearer x")])[0][1].startswith("Bearer ")


@pytest.mark.parametrize("scheme", ["Basic", "bearer", "Digest", "Negotiate", "NTLM", "AWS4-HMAC-SHA256", "Token"])
def test_a_scheme_that_is_known_stays(secrets, scheme):
    assert secrets.fields([("Authorization", f"{scheme} {SECRET}")])[0][1].startswith(f"{scheme} ")


def test_the_secrets_of_an_absolute_target_are_replaced(secrets):
    found = secrets.target(f"http://me:{SECRET}@x:80/a?b=c")
    assert SECRET not in found
    assert (found[:10], found[-11:]) == ("http://me:", "@x:80/a?b=c")


@pytest.mark.parametrize("name", ["access_token", "api_key", "key", "sig", "password", "iban", "X-Amz-Signature"])
def test_no_secret_is_left_in_a_target(secrets, name):
    target = secrets.target(f"/a?x=1&{name}={SECRET}&y=2")
    assert SECRET not in target
    assert target.startswith("/a?x=1&")
    assert target.endswith("&y=2")


def test_the_password_of_influxdb_is_a_secret_beside_its_user(secrets):
    assert SECRET not in secrets.target(f"/write?db=x&u=me&p={SECRET}")
    assert secrets.target("/list?p=2") == "/list?p=2"


@pytest.mark.parametrize(
    "document",
    [
        {"password": SECRET},
        {"a": {"b": [{"client_secret": SECRET}]}},
        {"IBAN": SECRET, "n": 1},
        {"tokens": [SECRET, SECRET]},
        {"credentials": {"user": SECRET}},
        {"access_token": SECRET, "note": 'a "quoted" one'},
        {"token": {"a": {"b": SECRET}}},
        {"tokens": [{"value": SECRET}, [[SECRET]]]},
        {"password": [f"x]{SECRET}", "{", SECRET]},
        {"iban": {"a": [{"b": SECRET}]}, "n": ["]"]},
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_no_secret_is_left_in_json(secrets, document, indent):
    data = json.dumps(document, indent=indent).encode()
    _, found, length, digest = body(secrets, data)
    assert SECRET.encode() not in found
    assert (length, digest, len(found)) == (len(data), "", len(data))
    assert json.loads(found).keys() == document.keys()


def test_json_of_another_type_and_without_one_is_looked_into(secrets):
    data = json.dumps({"password": SECRET}).encode()
    assert SECRET.encode() not in body(secrets, data, "application/x-www-form-urlencoded")[1]
    assert SECRET.encode() not in secrets.message([], data, len(data), "")[1]


def test_a_number_stays_a_number(secrets):
    _, found, _, _ = body(secrets, b'{"otp": 123456, "n": 7}')
    document = json.loads(found)
    assert document["otp"] != 123456
    assert len(str(document["otp"])) == 6
    assert document["n"] == 7


def test_an_escaped_name_is_a_name(secrets):
    assert SECRET.encode() not in body(secrets, rb'{"token":1,"pass\u0077ord": "%b"}' % SECRET.encode())[1]


def test_no_secret_is_left_in_forms(secrets):
    data = f"user=me&password={SECRET}".encode()
    assert SECRET.encode() not in body(secrets, data, "application/x-www-form-urlencoded")[1]
    data = (
        f'--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n{SECRET}\r\n'
        '--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n\x00\xff\r\n--b--\r\n'
    ).encode("latin-1")
    found = body(secrets, data, "multipart/form-data; boundary=b")[1]
    assert SECRET.encode() not in found
    assert b'name="file"\r\n\r\n\x00\xff\r\n' in found


def test_a_compressed_body_with_a_secret_is_kept_without_its_compression(secrets):
    data = gzip.compress(json.dumps({"password": SECRET}).encode())
    fields, found, length, _ = body(secrets, data, "application/json", ("Content-Encoding", "gzip"), ("X", "y"))
    assert SECRET.encode() not in found
    assert json.loads(found).keys() == {"password"}
    assert fields == [("Content-Type", "application/json"), ("X", "y"), ("Content-Length", str(length))]


def test_a_compressed_body_without_a_secret_stays_compressed(secrets):
    data = gzip.compress(b'{"a": 1}')
    assert body(secrets, data, "application/json", ("Content-Encoding", "gzip"))[1] is data


@pytest.mark.parametrize("kind", ["", "text/plain"])
def test_compressed_json_of_another_type_is_looked_into(secrets, kind):
    data = gzip.compress(json.dumps({"password": SECRET}).encode())
    fields = [("Content-Type", kind)] if kind else []
    found, replaced, _, _ = secrets.message([*fields, ("Content-Encoding", "gzip")], data, len(data), "")
    assert json.loads(replaced)["password"] == secrets.replaced(SECRET)
    assert "gzip" not in dict(found).values()


def test_codings_of_two_fields_are_both_taken_off(secrets):
    data = gzip.compress(gzip.compress(json.dumps({"password": SECRET}).encode()))
    both = [("Content-Encoding", "gzip"), ("Content-Encoding", "gzip")]
    assert json.loads(body(secrets, data, "application/json", *both)[1])["password"] == secrets.replaced(SECRET)


@pytest.mark.parametrize("data", [b"no gzip", gzip.compress(b"<html>")], ids=["broken", "markup"])
def test_a_compressed_body_of_another_type_stays_as_it_is(secrets, data):
    assert body(secrets, data, "text/html", ("Content-Encoding", "gzip"))[1] is data


def test_a_compressed_body_that_cannot_be_looked_into_is_not_kept(secrets):
    fields, found, length, digest = body(secrets, b"no gzip", "application/json", ("Content-Encoding", "gzip"))
    assert (found, length, len(digest)) == (b"", 7, 64)
    assert ("Content-Encoding", "gzip") in fields


def test_equal_secrets_stay_equal_and_others_differ(secrets):
    assert secrets.replaced("abcdefgh1") == secrets.replaced("abcdefgh1") != secrets.replaced("abcdefgh2")
    assert Secrets(b"o" * 32).replaced("abcdefgh1") != secrets.replaced("abcdefgh1")
    in_cookie = secrets.fields([("Cookie", f"sid={SECRET}")])[0][1]
    in_answer = secrets.fields([("Set-Cookie", f"sid={SECRET}; Path=/")])[0][1]
    assert in_cookie == in_answer.partition(";")[0]


def test_long_secrets_and_targets_are_not_remembered(secrets):
    long = "x" * 100_000
    assert secrets.replaced(long) == secrets.replaced(long)
    assert len(secrets.target(f"/?token={long}")) == len(long) + 8
    assert secrets._known_secret.cache_info().currsize == secrets._known_target.cache_info().currsize == 0


@given(st.text(st.characters(max_codepoint=255), max_size=300))
def test_a_secret_becomes_as_many_characters(secret):
    assert len(Secrets(KEY).replaced(secret)) == len(secret)


@given(st.binary(max_size=400), st.sampled_from(["application/json", "multipart/form-data", "x-www-form-urlencoded"]))
def test_any_body_keeps_its_length(data, kind):
    _, found, length, _ = body(Secrets(KEY, ["a"]), data, kind)
    assert (len(found), length) == (len(data), len(data))
