import pytest

from httptee.compare import Outcome, differences
from httptee.replay.replaying.masked import has_secrets, hidden

JSON = ("Content-Type", "application/json")


def found(a, b, fields=((), ())):
    outcomes = [Outcome(200, [JSON, *more], body, len(body)) for body, more in zip((a, b), fields, strict=True)]
    return differences(*outcomes)


@pytest.mark.parametrize(
    ("a", "b", "is_hidden"),
    [(b'{"token":"ab"}', b'{"token":"cd"}', True), (b'{"x":[{"password":"ab"}]}', b'{"x":[{"password":"cd"}]}', True),
     (b'{"token":"ab"}', b"{}", False), (b'{"price":"ab"}', b'{"price":"cd"}', False),
     (b'{"token":{"a":{"b":"c"}}}', b'{"token":{"a":{"b":"d"}}}', True), (b'{"pin":1}', b'{"pin":2}', True),
     (b'{"token":true}', b'{"token":false}', False), (b'{"token":""}', b'{"token":"a"}', False),
     (b'{"token":{"a":false}}', b'{"token":{"a":true}}', False),
     (b'{"pin":"ab"}', b'{"pin":"cd"}', True), (b'{"author":"ab"}', b'{"author":"cd"}', False)],
)  # fmt: skip
def test_a_value_that_was_replaced_says_nothing(a, b, is_hidden):
    (one,) = found(a, b)
    assert hidden(["PIN"])(one) == is_hidden


def test_the_value_of_a_cookie_was_replaced_and_its_attributes_were_not():
    fields = [("Set-Cookie", "a=1; Path=/")], [("Set-Cookie", "a=2; Path=/x")]
    told = {one.key.path: hidden()(one) for one in found(b"", b"", fields)}
    assert told == {"set-cookie:a": True, "set-cookie:a;path": False}


@pytest.mark.parametrize(
    ("a", "b", "is_hidden"),
    [("/x?token=ab&y=1", "/x?token=cd&y=1", True), ("/x?token=ab&y=1", "/x?token=cd&y=2", False), ("/x", "/y", False)],
)
def test_a_secret_in_the_url_of_a_field_was_replaced_and_the_rest_was_not(a, b, is_hidden):
    (one,) = found(b"", b"", ([("Location", a)], [("Location", b)]))
    assert hidden()(one) == is_hidden


def test_what_differs_in_markup_was_not_replaced():
    outcomes = [
        Outcome(200, [("Content-Type", "text/xml")], body, 9) for body in (b"<token>a</token>", b"<token>b</token>")
    ]
    (one,) = differences(*outcomes)
    assert not hidden()(one)


def test_a_status_is_no_secret():
    (one,) = differences(Outcome(200, [], b""), Outcome(500, [], b""))
    assert not hidden()(one)


@pytest.mark.parametrize(
    ("name", "secret"), [("Cookie", True), ("Authorization", True), ("X-Api-Key", True), ("Host", False)]
)
def test_the_credentials_of_a_request_are_seen(name, secret):
    assert has_secrets([("Accept", "a"), (name, "x")]) == secret
