from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.selection.secrets.names import Names
from httptee.selection.secrets.parameters import in_form, in_url, in_words

NAMES = Names(["pin"])


def hidden(found, text):
    for start, end, _ in sorted(found(text, NAMES), reverse=True):
        text = text[:start] + "x" * (end - start) + text[end:]
    return text


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/a?b=1&token=abc&c=2", "/a?b=1&token=xxx&c=2"),
        ("https://a/cb#access_token=abc&state=1", "https://a/cb#access_token=xxx&state=1"),
        ("/#/page?token=abc", "/#/page?token=xxx"),
        ("/a?token=abc#token=def", "/a?token=xxx#token=xxx"),
        ("/a?next=/b?token=abc", "/a?next=/b?token=xxx"),
        ("/a?password=a?b&c=d", "/a?password=xxx&c=d"),
        ("/a?password=a;b&c", "/a?password=x;x&c"),
        ("/a?password=a;b=c", "/a?password=x;b=c"),
        ("/a;jsessionid=abc/b?c=d", "/a;jsessionid=xxx/b?c=d"),
        ("http://me:abc@a/b", "http://me:xxx@a/b"),
        ("http://abc@a/b@c", "http://xxx@a/b@c"),
        ("http://a/b@c", "http://a/b@c"),
        ("/a?user[pin]=12&user%5Bpin%5D=34&pins=5", "/a?user[pin]=xx&user%5Bpin%5D=xx&pins=5"),
        ("/a?user.pin=12&pin[]=3", "/a?user.pin=xx&pin[]=x"),
        ("/a?next=https%3A%2F%2Fb%2F%3Ftoken%3Dabc%26c%3Dd", "/a?next=https%3A%2F%2Fb%2F%3Ftoken%3Dxxx%26c%3Dd"),
        ("/a?next=http%3A%2F%2Fme%3Aabc%40b", "/a?next=http%3A%2F%2Fme%3Axxx%40b"),
        ('/a?{"token":"abc"}', '/a?{"token":"xxx"}'),
        ("/a?token=", "/a?token="),
        ("/a?x=1", "/a?x=1"),
        ("*", "*"),
    ],
)
def test_the_secrets_of_a_url_are_found_and_nothing_else(url, expected):
    assert hidden(in_url, url) == expected


def test_json_in_a_field_of_a_form_is_looked_into():
    document = '{"a": 1, "password": "abc", "b": "é"}'
    for written in (quote(document), quote(document, safe="").lower(), quote(document).replace("%20", "+")):
        found = hidden(in_form, f"a=1&payload={written}&b=2")
        assert found == f"a=1&payload={written}&b=2".replace("abc", "xxx")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("5; url=https://a/?token=abc", "5; url=https://a/?token=xxx"),
        ('<https://a/?token=abc>; rel="next", </b?pin=1>', '<https://a/?token=xxx>; rel="next", </b?pin=x>'),
        ("https://me:abc@a/", "https://me:xxx@a/"),
        ("text/html, */*;q=0.8", "text/html, */*;q=0.8"),
        ("max-age=0", "max-age=0"),
    ],
)
def test_the_urls_in_the_value_of_a_field_are_looked_into(value, expected):
    assert hidden(in_words, value) == expected


@given(st.text(st.sampled_from("ab=&;?#%7B[]{}:/@\"'+ 5"), max_size=40))
def test_any_text_keeps_its_length(text):
    for found in (in_url, in_form, in_words):
        assert len(hidden(found, text)) == len(text)
        assert all(0 <= start < end <= len(text) for start, end, _ in found(text, NAMES))
