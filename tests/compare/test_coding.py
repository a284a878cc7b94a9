import gzip
import os
import zlib

import brotli
import pytest
import zstandard

from httptee.compare import coding
from httptee.compare.coding import Undecodable, decoded


def bare_deflate(data):
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


CODERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}
each_coding = pytest.mark.parametrize("name", CODERS)
DATA = b"hello world, " * 500


@each_coding
@pytest.mark.parametrize("data", [DATA, os.urandom(30_000), b""], ids=["text", "random", "empty"])
def test_every_coding_is_undone(name, data):
    assert decoded(CODERS[name](data), name) == data


@each_coding
def test_a_bomb_is_given_up_at_the_limit(name):
    with pytest.raises(Undecodable, match="more than 1000 bytes"):
        decoded(CODERS[name](bytes(2 << 20)), name, 1000)


@each_coding
def test_the_limit_itself_is_allowed(name):
    assert decoded(CODERS[name](bytes(1000)), name, 1000) == bytes(1000)


@each_coding
@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_body_that_is_cut_off_is_undecodable(name, share):
    body = CODERS[name](os.urandom(2000))
    with pytest.raises(Undecodable):
        decoded(body[: max(1, int(share * len(body)))], name)


@each_coding
def test_a_body_that_is_not_what_it_says_is_undecodable(name):
    with pytest.raises(Undecodable):
        decoded(b"<html>", name)


@each_coding
def test_bytes_behind_the_end_are_undecodable(name):
    with pytest.raises(Undecodable):
        decoded(CODERS[name](DATA) + b"more", name)


def test_a_bare_deflate_stream_is_read():
    assert decoded(bare_deflate(DATA), "deflate") == DATA


def test_several_gzip_streams_are_one_content():
    assert decoded(gzip.compress(b"a") + gzip.compress(b"b") + bytes(5), "gzip") == b"ab"


def test_very_many_gzip_streams_are_given_up():
    with pytest.raises(Undecodable, match="over 1000"):
        decoded(gzip.compress(b"") * 5000, "gzip")


def test_codings_are_undone_from_the_last_to_the_first():
    assert decoded(brotli.compress(gzip.compress(DATA)), "gzip, br") == DATA


def test_too_many_codings_are_undecodable():
    with pytest.raises(Undecodable, match="4 content codings"):
        decoded(b"x", "gzip, gzip, gzip, gzip")


@pytest.mark.parametrize("codings", ["", "identity", " Identity , "])
def test_no_coding_leaves_the_body(codings):
    assert decoded(b"x", codings) == b"x"


def test_names_of_codings_have_no_case():
    assert decoded(gzip.compress(DATA), "GZIP") == DATA


@pytest.mark.parametrize("name", ["compress", "a" * 1000])
def test_an_unknown_coding_is_undecodable(name):
    with pytest.raises(Undecodable, match="no decoder") as caught:
        decoded(b"x", name)
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize("name", ["br", "zstd"])
def test_without_its_library_a_coding_is_undecodable(name, monkeypatch):
    monkeypatch.setattr(coding, "_loaded", lambda _: None)
    with pytest.raises(Undecodable, match=f"no decoder for the content coding '{name}'"):
        decoded(CODERS[name](DATA), name)


def test_zstd_of_the_standard_library_is_used_where_it_is(monkeypatch):
    asked = []

    class Own:
        """What Python 3.14 has as compression.zstd."""

        class DecompressionParameter:
            window_log_max = "window_log_max"

        ZstdError = zstandard.ZstdError

        @staticmethod
        def ZstdDecompressor(options):  # noqa: N802
            asked.append(options)
            return zstandard.ZstdDecompressor().decompressobj()

    monkeypatch.setattr(coding, "_loaded", {"compression.zstd": Own}.get)
    assert decoded(CODERS["zstd"](DATA), "zstd") == DATA
    assert asked == [{"window_log_max": 23}]


def test_an_old_brotli_without_a_bound_is_not_used(monkeypatch):
    class Old:
        error = ValueError

        class Decompressor:
            is_finished = staticmethod(lambda: False)

            def process(self, data):
                raise AssertionError("called without a bound")

    monkeypatch.setattr(coding, "_loaded", lambda _: Old)
    with pytest.raises(Undecodable, match="no decoder"):
        decoded(b"x", "br")
