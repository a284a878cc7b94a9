import pytest

from httptee.selection.secrets.contents import examined, in_content
from httptee.selection.secrets.names import Names

FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=b"


def hidden(kind, text):
    for start, end, _ in sorted(in_content(kind, text, Names(["pin"])), reverse=True):
        text = text[:start] + "x" * (end - start) + text[end:]
    return text


def part(head, content, line="\r\n"):
    return line.join(("--b", f"Content-Disposition: form-data; {head}", "", content, ""))


@pytest.mark.parametrize("line", ["\r\n", "\n"])
@pytest.mark.parametrize(
    ("head", "content", "expected"),
    [
        ('name="password"', "sesame", "xxxxxx"),
        ("name=password", "sesame", "xxxxxx"),
        ("NAME=pin; x=y", "sesame", "xxxxxx"),
        ('name="user[pin]"', "sesame", "xxxxxx"),
        ('name="password"', "a\r\n--c", "xxxxxx"),
        ('name="a"; filename="password"', "sesame", "sesame"),
        ('name="a"', '{"token": {"b": "c"}}', '{"token": {"b": "x"}}'),
        ('name="a"\r\nContent-Type: application/json', '"x": {"token": "c"}', '"x": {"token": "x"}'),
        (f'name="a"\r\nContent-Type: {FORM}', "token=c&d=e", "token=x&d=e"),
        ('name="a"', "", ""),
        ('name="password"', "", ""),
    ],
)
def test_the_secrets_in_the_parts_of_a_form_are_found_and_nothing_else(head, content, expected, line):
    others = part('name="file"; filename="token"', "\x00\xff--", line)
    text = others + part(head, content, line) + others + f"--b--{line}"
    assert hidden(PARTS, text) == others + part(head, expected, line) + others + f"--b--{line}"


def test_parts_without_a_form_around_them_are_looked_into():
    text = part('name="token"', "abc") + "--b--"
    assert hidden("multipart/related; boundary=b", text) == text.replace("abc", "xxx")


@pytest.mark.parametrize("text", ['{"a": {"pin": "abc"}}', "[1]&pin=abc", '{"a": "b=c", "pin": "abc', "pin=abc&[=1"])
def test_a_form_may_be_json_and_may_look_like_it(text):
    assert "abc" not in hidden(FORM, text)


def test_the_types_that_are_looked_into():
    assert all(map(examined, ("application/json", "application/problem+json", FORM, PARTS, "multipart/related")))
    assert not any(map(examined, ("", "text/html", "image/png")))
