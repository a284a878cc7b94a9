import pytest

from httptee.http.message import Request
from httptee.selection.hosts import Host


def sent(text, host="shop.test:8080"):
    headers = [("Accept", "*/*"), *([("host", host)] if host is not None else [])]
    made = Host.parse(text)(Request("GET", "/", headers, b"", "192.0.2.1", "https"), headers)
    return [value for name, value in made if name.lower() == "host"]


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("canary.test", "canary.test"),
        ("stage.{host}", "stage.shop.test:8080"),
        ("{scheme}.{host}", "https.shop.test:8080"),
        (r"^(.*)\.test -> \1.stage.test", "shop.stage.test:8080"),
        (r":8080$ → :9090", "shop.test:9090"),
        (r"^www\. -> stage.", "shop.test:8080"),
        (".* -> ", "shop.test:8080"),  # no host at all
    ],
)
def test_a_host_is_made_from_a_text_a_template_or_an_expression(text, host):
    assert sent(text) == [host]


@pytest.mark.parametrize("text", ["stage.{host}", "^$ -> stage.test"])
@pytest.mark.parametrize("host", [None, ""])
def test_without_a_host_of_the_client_nothing_is_made_from_it(text, host):
    assert sent(text, host) == ([] if host is None else [""])


def test_a_text_of_its_own_needs_none():
    assert sent("canary.test", None) == ["canary.test"]


@pytest.mark.parametrize("text", ["preserve", "target"])
def test_two_words_are_no_hosts(text):
    assert Host.parse(text).is_word


@pytest.mark.parametrize("text", ["", "a b", "stage.{name}", "{", "( -> x", "-> x", "a -> b c", r"a -> \2"])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"must be|unknown placeholder|literal brace|replacement"):
        Host.parse(text)
