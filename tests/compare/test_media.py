import pytest

from httptee.compare import media


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        ("application/json", media.JSON),
        ("Application/JSON; charset=utf-8", media.JSON),
        ("application/problem+json", media.JSON),
        ("application/x-ndjson", media.LINES),
        ("application/x-www-form-urlencoded", media.FORM),
        ("text/html;charset=utf-8", media.HTML),
        ("application/xhtml+xml", media.HTML),
        ("text/xml", media.XML),
        ("image/svg+xml", media.XML),
        ("image/png", media.BYTES),
        ("text/css", media.TEXT),
        ("text/plain", ""),
        ("application/octet-stream", ""),
        ("", ""),
    ],
)
def test_what_content_type_says(content_type, kind):
    assert media.declared(content_type) == kind


@pytest.mark.parametrize("content_type", ["", "text/plain", "text/html", "application/octet-stream"])
def test_json_is_looked_for_where_content_type_does_not_name_it(content_type):
    assert media.guesses(content_type, b'\xef\xbb\xbf \n{"a": 1}')[0] == media.JSON


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<?xml version='1.0'?><a/>", media.XML),
        (b"\n<!DOCTYPE html><p>", media.HTML),
        (b"<HTML>", media.HTML),
        (b"a,b\n1,2\n", media.TEXT),
        (b"", media.TEXT),
    ],
)
def test_without_a_content_type_the_beginning_counts(body, kind):
    assert media.guesses("", body)[0] == kind


def test_what_is_declared_is_believed():
    assert media.guesses("application/json", b"<html>") == (media.JSON,)
    assert media.guesses("image/png", b"{}") == (media.BYTES,)


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/plain", "ä".encode(), "ä"),
        ("text/plain; charset=ISO-8859-1", b"\xe4", "ä"),
        ('text/plain; charset="utf-16"', "ä".encode("utf-16"), "ä"),
        ("text/plain; charset=no-such", b"x", "x"),
        ("text/plain; charset=zlib", b"x", "x"),
        ("text/plain", b"\xe4", None),
        ("text/plain", b"a\0b", None),
    ],
)
def test_text_is_read_by_its_charset(content_type, body, text):
    assert media.text(content_type, body) == text
