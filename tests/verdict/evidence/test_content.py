import gzip
import zlib

import pytest

from httptee.verdict.evidence.content import decoded


def coded(name):
    return [("Content-Encoding", name)]


def test_a_body_without_a_coding_stays():
    assert decoded([], b"abc") == (b"abc", "")
    assert decoded(coded("identity"), b"abc") == (b"abc", "")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("gzip", gzip.compress(b"hello", mtime=0)),
        ("x-gzip", gzip.compress(b"hello", mtime=0)),
        ("deflate", zlib.compress(b"hello")),
        ("deflate", zlib.compress(b"hello")[2:-4]),
    ],
)
def test_a_body_is_decoded(name, body):
    assert decoded(coded(name), body) == (b"hello", f"decoded from {name}")


def test_codings_are_undone_from_the_last_to_the_first():
    body = gzip.compress(zlib.compress(b"hello"))
    assert decoded(coded("deflate, gzip"), body) == (b"hello", "decoded from gzip; decoded from deflate")


@pytest.mark.parametrize(("name", "module"), [("br", "brotli"), ("zstd", "zstandard")])
def test_other_codings_where_their_libraries_are_installed(name, module):
    library = pytest.importorskip(module)
    body = library.compress(b"hello" * 1000) if name == "br" else library.ZstdCompressor().compress(b"hello" * 1000)
    content, note = decoded(coded(name), body)
    assert (content, note) in [
        (b"hello" * 1000, f"decoded from {name}"),
        (b"", f"cannot be read as {name}, and not kept"),
    ]
    assert decoded(coded(name), b"\x00nonsense") == (b"", f"cannot be read as {name}, and not kept")


def test_a_bomb_is_cut():
    content, note = decoded(coded("gzip"), gzip.compress(bytes(10_000_000)), 1000)
    assert (content, note) == (bytes(1000), "decoded from gzip, incomplete")


def test_a_body_that_breaks_off_is_given_as_far_as_it_goes():
    content, note = decoded(coded("gzip"), gzip.compress(b"hello" * 1000, 0)[:200])
    assert content.startswith(b"hellohello")
    assert note == "decoded from gzip, incomplete"


@pytest.mark.parametrize("name", ["compress", "x" * 100])
def test_nothing_is_given_of_what_cannot_be_read(name):
    content, note = decoded(coded(name), b"token=abc")
    assert content == b""
    assert note.startswith(f"cannot be read as {name[:40]}")
