import re

import pytest

from httptee.http.endpoint import Endpoint
from httptee.settings.backend import Backend, split_backends
from httptee.settings.fields import FIELDS

CANARY = Endpoint.parse("http://canary:9001")


def given(line):
    return dict(Backend.parse(line).fields)


def test_an_endpoint_alone_says_nothing_else():
    assert Backend.parse("http://canary:9001") == Backend(CANARY)
    assert str(Backend.parse("canary:9001/x/ percent=3")) == "http://canary:9001/x"


def test_the_line_of_the_issue():
    line = "http://canary:9001 name=canary percent=10 methods=GET,HEAD"
    assert Backend.parse(line) == Backend(CANARY, (("name", "canary"), ("percent", "10"), ("methods", "GET,HEAD")))


def test_every_field_is_understood():
    line = (
        "http://x name=n percent=0.5 sticky=cookie:sid split=s methods=GET path=/a/* path=!re:^/a/b header=!X-A "
        "header=X-B=1 header='X-C~a b' rate=200/s timeout=500 workers=4 chan-size=7 max-body=10 host=preserve "
        "stream-timeout=off set-header='X-D: {client}' add-header=X-E:1 remove-header=A,B rewrite-path='^/v1 -> /v2' "
        "mark insecure=false ca=/etc/ca.pem cert=/c.pem key=/k.pem server-name=b.test when-a-fails=send allow-same "
        "ignore='body $.took_ms # clock' ignore='GET /a header Date' accept='header Server' route=/users/{id} "
        "spool=/s spool.max-bytes=1G spool.max-age=24h spool.min-free=5 spool.lane=query:db spool.rate=100 "
        "spool.fsync=always spool.ambiguous=never spool.full=newest check=/ping "
        "order=connection only-status=2xx body=false idempotent upgrade=handshake send-proxy=v2"
    )
    assert set(given(line)) | {"rewrite"} == set(FIELDS)
    assert set(given("x rewrite")) == {"rewrite"}


def test_quotes_hold_a_word_together_and_a_backslash_is_a_backslash():
    assert given(r"""x path=re:^/\d+$ header='A~"b"; c' set-header="X-It: 'tis" """) == {
        "path": r"re:^/\d+$",
        "header": 'A~"b"; c',
        "set-header": "X-It: 'tis",
    }


def test_a_field_may_be_quoted_whole_or_behind_its_equals_sign():
    assert given("x 'set-header=A: b'") == given("x set-header='A: b'") == {"set-header": "A: b"}


@pytest.mark.parametrize("text", ["mark", "mark=true", "mark=1"])
def test_a_boolean_may_stand_alone(text):
    assert Backend.parse(f"x {text}").values("mark") == [True]


def test_values_are_cast_in_order():
    backend = Backend.parse("x remove-header=A,B timeout=250 remove-header=c")
    assert backend.values("remove-header") == [{"a", "b"}, {"c"}]
    assert backend.values("timeout") == [0.25]
    assert backend.values("percent") == []


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("", "an endpoint is missing"),
        ("percent=10", "the host is neither a name nor an address: 'percent=10'"),
        ("http://me:sesame@x percent=10", "an endpoint takes no user name or password: 'http://***@x'"),
        ("x percnt=10", "B http://x: unknown field 'percnt'; did you mean percent?"),
        ("x Percent=10", "B http://x: unknown field 'Percent'; did you mean percent?"),
        ("x y", "B http://x: a word after the endpoint is not a field; put a value with spaces in quotes"),
        ("x http://me:sesame@y", "B http://x: a word after the endpoint is not a field"),
        ("x mark set-header=X-Token: sesame", "B http://x: a word after set-header is not a field; put a value"),
        ("x colour=red", "B http://x: unknown field 'colour'; known fields: name, percent, sticky"),
        ("x percent", "B http://x: percent: needs a value"),
        ("x percent=101", "B http://x: percent: must be a number from 0 to 100: '101'"),
        ("x percent=1 percent=2", "B http://x: percent is given twice"),
        ("x name=a:b", "B http://x: name: must be at most 64 letters, digits"),
        ("x sticky=user", "B http://x: sticky: must be header:Name, cookie:name, client-ip or path: 'user'"),
        ("x sticky=header:", "B http://x: sticky: must be header:Name"),
        ("x methods=get", "B http://x: methods: must be methods in upper case"),
        ("x methods=GET,,HEAD", "B http://x: methods: must be methods in upper case"),
        ("x path=api", "B http://x: path: must be a glob such as /api/*, or re:"),
        ("x path=re:(", "B http://x: path: must be a regular expression"),
        ("x path=re:", "B http://x: path: must be a regular expression"),
        ("x header='X-A: b'", "B http://x: header: must be Name, Name=value or Name~expression"),
        ("x header=Authorization~(sesame", "B http://x: header: the text after Authorization~ must be a regular expr"),
        ("x rate=200", "B http://x: rate: must be a number and a unit such as 200/s"),
        ("x rate=0/s", "B http://x: rate: must be a number and a unit such as 200/s"),
        ("x timeout=1d", "B http://x: timeout: must be a whole number of milliseconds from 1"),
        ("x stream-timeout=0", "B http://x: stream-timeout: must be a whole number of milliseconds from 1"),
        ("x workers=-1", "B http://x: workers: must be a whole number from 0"),
        ("x chan-size=x", "B http://x: chan-size: must be a whole number from 0"),
        ("x max-body=1Q", "B http://x: max-body: must be a whole number of bytes from 0"),
        ("x host=", "B http://x: host: must be preserve, target, a host"),
        ("x host=target rewrite", "B http://x: rewrite and host set the same thing; use host alone"),
        ("x mark=yep", "B http://x: mark: must be true or false (or yes, no, on, off): 'yep'"),
        ("x set-header=X", "B http://x: set-header: must be Name: value"),
        ("x set-header=Authorization:sésame\u2192", "B http://x: set-header: must be Name: value"),
        ("x 'set-header=X A: b'", "B http://x: set-header: must be the name of a header field: 'X A'"),
        (
            "x set-header=X:{sid}",
            "B http://x: set-header: unknown placeholder {sid}: the placeholders are {client}, {request-id}",
        ),
        ("x set-header=X:{", "B http://x: set-header: write a literal brace twice: {{ or }}"),
        ("x add-header=Host:y", "B http://x: add-header: set Host with host=preserve, host=target or host=NAME"),
        ("x set-header=Content-Length:3", "B http://x: set-header: Content-Length cannot be changed"),
        ("x remove-header=A,Transfer-Encoding", "B http://x: remove-header: Transfer-Encoding cannot be changed"),
        ("x remove-header=", "B http://x: remove-header: must be the name of a header field: ''"),
        ("x rewrite-path=/a", "B http://x: rewrite-path: must be a regular expression, -> and the repl"),
        ("x rewrite-path='( -> /b'", "B http://x: rewrite-path: must be a regular expression ("),
        (r"x rewrite-path='/a -> /\1'", "B http://x: rewrite-path: the replacement does not fit the expression"),
        (r"x rewrite-path='/a -> /\n'", "B http://x: rewrite-path: a replacement may have visible characters"),
        ("x rewrite-path='/a -> /b c'", "B http://x: rewrite-path: a replacement may have visible characters"),
        ("x ca=", "B http://x: ca: must be the name of a file"),
        ("x header='a", "a quote is not closed"),
    ],
)
def test_what_is_wrong_names_the_b_the_field_and_the_rule(line, complaint):
    with pytest.raises(ValueError, match=re.escape(complaint)) as caught:
        Backend.parse(line)
    assert "\n" not in str(caught.value)
    assert "sesame" not in str(caught.value)


def test_the_parsed_form_can_be_written_again():
    line = """http://x name=n percent=0.5 path='re:^/a;b c' header="X~it's" mark=true"""
    backend = Backend.parse(line)
    assert f"{backend} {backend.described()}" == line
    assert Backend.parse(f"{backend} {backend.described()}") == backend


def test_the_parsed_form_masks_what_may_be_a_credential():
    line = "x set-header='Authorization: Basic sesame' add-header=X-Api-Key:sesame header=Cookie=sesame mark"
    assert Backend.parse(line).described() == (
        "set-header=Authorization:*** add-header=X-Api-Key:*** header=Cookie=*** mark=true"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x percent=10", ["x percent=10"]),
        ("x percent=10; y mark", ["x percent=10", "y mark"]),
        ("x percent=10\n y\n", ["x percent=10", "y"]),
        ("x, y; z methods=GET,HEAD", ["x", "y", "z methods=GET,HEAD"]),
        ("x header='a; b' ; y", ["x header='a; b'", "y"]),
        ("x path=re:[ab],c", ["x path=re:[ab],c"]),
        ('["x percent=10", "y"]', ["x percent=10", "y"]),
        ('"x percent=10"', ["x percent=10"]),
        ("[::1]:80 percent=3", ["[::1]:80 percent=3"]),
        ("x y percent=3", ["x y percent=3"]),
        ("x 'set-header=A: b'", ["x 'set-header=A: b'"]),
        ("x 'a", ["x 'a"]),
    ],
)
def test_lines_are_parted_by_semicolons_and_ends_of_lines(text, expected):
    assert split_backends(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("[]", []),
        ("x:1", ["x:1"]),
        (" x:1  y:2\n", ["x:1", "y:2"]),
        ("x:1,y:2, z", ["x:1", "y:2", "z"]),
        ("[http://x:1, http://y:2]", ["http://x:1", "http://y:2"]),
        ('["x:1", "y:2"]', ["x:1", "y:2"]),
        ("[::1]", ["[::1]"]),
        ("[::1]:80", ["[::1]:80"]),
        ("[::1]:80, [::2]", ["[::1]:80", "[::2]"]),
        ("[[::1]:80, [::2]]", ["[::1]:80", "[::2]"]),
    ],
)
def test_endpoints_alone_are_a_list_as_ever(text: str, expected: list[str]) -> None:
    assert split_backends(text) == expected
