import pytest

from httptee.verdict.evidence.masks import Masks, last_name


@pytest.mark.parametrize(
    ("name", "value", "masked"),
    [
        ("Authorization", "Bearer abc.def", "Bearer ***1"),
        ("authorization", "opaque", "***1"),
        ("Proxy-Authorization", "Basic dGltOnNlY3JldA==", "Basic ***1"),
        ("Authorization", "Digest username=tim, response=x", "Digest ***1"),
        ("Cookie", "sid=a1; theme=dark; flag", "sid=***1; theme=***2;***3"),
        ("Set-Cookie", "sid=a1; Path=/; HttpOnly", "sid=***1; Path=/; HttpOnly"),
        ("X-Api-Key", "k", "***1"),
        ("X-Auth-Token", "t", "***1"),
        ("Location", "/cb?token=abc&x=1", "/cb?token=***1&x=1"),
        ("Referer", "https://tim:pw@shop/x", "https://tim:***1@shop/x"),
        ("X-Debug", "Bearer abcdefgh12", "Bearer ***1"),
        ("X-Debug", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "***1"),
        ("Content-Type", "application/json", "application/json"),
        ("Host", "shop", "shop"),
        ("Authorization", "", ""),
    ],
)
def test_a_field_keeps_all_but_its_credentials(name, value, masked):
    assert Masks().header(name, value) == masked


@pytest.mark.parametrize(
    ("target", "masked"),
    [
        ("/x?api_key=abc&q=1", "/x?api_key=***1&q=1"),
        ("/x?q=1;token=abc", "/x?q=1;token=***1"),
        ("/x?key=abc", "/x?key=***1"),
        ("/query?u=tim&p=pw&q=SELECT", "/query?u=tim&p=***1&q=SELECT"),
        ("/list?p=2", "/list?p=2"),
        ("/cb?code=0123456789abcdef", "/cb?code=***1"),
        ("/list?code=DE", "/list?code=DE"),
        ("/x?access%5Ftoken=abc", "/x?access%5Ftoken=***1"),
        ("/x?token=", "/x?token="),
        ("/x?token", "/x?token"),
        ("/a%2Fb//..?%zz&&=|", "/a%2Fb//..?%zz&&=|"),
        ("http://tim:pw@shop/x?", "http://tim:***1@shop/x?"),
        ("*", "*"),
    ],
)
def test_a_target_keeps_all_but_its_credentials(target, masked):
    assert Masks().target(target) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("password=abc", "password=***1"),
        ("note: token=abc", "note: token=***1"),
        ("token: abc, next", "token: ***1, next"),
        ('api_key = "a b c"', 'api_key = "***1"'),
        ("secret='a b'", "secret='***1'"),
        ('say \\"password\\":\\"abc\\" twice', 'say \\"password\\":\\"***1\\" twice'),
        ("http://h/cb?token=abc", "http://h/cb?token=***1"),
        ("Authorization: Bearer abcdefgh", "Authorization: Bearer ***1"),
        ("token:", "token:"),
        ("the token is lost", "the token is lost"),
        ("author=tim", "author=tim"),
    ],
)
def test_a_text_keeps_all_but_its_credentials(text, masked):
    assert Masks().text(text) == masked


def test_equal_credentials_have_equal_placeholders():
    masks = Masks()
    first = masks.header("Set-Cookie", "sid=one; Path=/")
    assert masks.header("Set-Cookie", "sid=one; Path=/") == first == "sid=***1; Path=/"
    assert masks.header("Set-Cookie", "sid=two; Path=/") == "sid=***2; Path=/"
    assert masks.names == {"***1": "sid", "***2": "sid"}


def test_a_known_credential_is_replaced_wherever_it_stands():
    masks = Masks()
    masks.header("Authorization", "Bearer a/b+c==d")
    assert masks.sweep("echo a/b+c==d and a%2Fb%2Bc%3D%3Dd") == "echo ***1 and ***1"


def test_the_password_of_basic_is_known_too():
    masks = Masks()
    masks.header("Authorization", "Basic dGltOm9wZW5zZXNhbWU=")
    assert masks.sweep("hello opensesame") == "hello ***2"


def test_a_longer_credential_is_swept_before_one_that_is_a_part_of_it():
    masks = Masks()
    masks.secret("abcdef", "a")
    masks.secret("abcdefgh", "b")
    assert masks.sweep("abcdefgh abcdef") == "***2 ***1"


def test_a_short_credential_is_not_swept():
    masks = Masks()
    masks.secret("1", "pin")
    assert masks.sweep("1, 2, 1") == "1, 2, 1"


def test_a_placeholder_is_not_masked_again():
    masks = Masks()
    masked = masks.header("X-Api-Key", "abcdefgh")
    assert masks.header("X-Api-Key", masked) == masked
    assert masks.text(f"token={masked}") == f"token={masked}"


def test_a_number_that_the_pair_holds_already_is_left_out():
    masks = Masks(["it says ***1 here", "and ***2"])
    assert masks.secret("abc", "token") == "***3"


@pytest.mark.parametrize("piece", ["a", "token", "token=", '"', "://", "eyJ", "Bearer ", "password='"])
def test_a_hostile_text_does_not_hide_what_follows_it(piece):
    text = piece * (200_000 // len(piece))  # with work in proportion to the square of it, this would not end
    masked = Masks().text(f"{text}' token=s3cr3t")
    assert masked.endswith(("***1", "***2"))
    assert "s3cr3t" not in masked


@pytest.mark.parametrize(
    ("path", "name"),
    [("$.user.token", "token"), ("$.tokens[]", "tokens"), ("$[].a[][]", "a"), ("set-cookie", "set-cookie"), ("", "")],
)  # fmt: skip
def test_the_last_name_of_a_path(path, name):
    assert last_name(path) == name


@pytest.mark.parametrize(
    ("part", "path", "masked"),
    [
        ("body", "$.user.token", "***1"),
        ("body", "$.tokens[]", "***1"),
        ("body", "$.name", "value"),
        ("header", "x-api-key", "***1"),
        ("header", "set-cookie:theme", "***1"),
        ("header", "set-cookie:sid;path", "value"),
        ("header", "server", "value"),
        ("status", "", "value"),
    ],
)
def test_a_place_tells_whether_its_value_is_a_credential(part, path, masked):
    assert Masks().at(part, path, "value") == masked


def test_a_token_is_the_same_credential_with_its_scheme_and_without():
    masks = Masks()
    assert masks.header("Authorization", "Bearer abc123") == "Bearer ***1"
    assert masks.secret("Bearer abc123", "auth") == "Bearer ***1"
    assert masks.secret("abc123", "token") == "***1"
