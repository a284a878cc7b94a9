"""A body that streams: what is kept of it, and that what is kept is bounded."""

import hashlib

import pytest

from httptee.errors import BadRequest
from httptee.http.uploads.streamed import REPEATED

from .sources import Purse, read_all, streamed


def test_its_pieces_are_those_of_the_source_and_it_is_whole_after_the_last():
    body = streamed(b"ab", b"", b"c")
    assert not body.whole
    assert read_all(body) == [b"ab", b"", b"c"]
    assert (body.whole, body.read_so_far) == (True, 3)


@pytest.mark.parametrize(("length", "before", "after"), [(3, 3, 3), (None, 0, 3)])
def test_its_length_is_the_announced_one_or_the_bytes_so_far(length, before, after):
    body = streamed(b"abc", length=length)
    assert (len(body), bool(body)) == (before, True)
    read_all(body)
    assert len(body) == after


def test_what_is_kept_is_returned_at_the_end_and_its_room_is_free():
    purse = Purse(10)
    body = streamed(b"ab", b"cd", length=4)
    body.keep(10, purse)
    read_all(body)
    assert purse.held == 4
    assert body.finish() == b"abcd"
    assert purse.held == 0


@pytest.mark.parametrize(
    ("most", "room", "length", "lost"),
    [
        (3, 100, 4, "too_large"),
        (3, 100, None, "too_large"),
        (100, 3, 4, "over_budget"),
        (100, 3, None, "over_budget"),
        (0, 100, 4, "too_large"),
    ],
)
def test_what_finds_no_room_is_lost_with_its_reason(most, room, length, lost):
    purse = Purse(room)
    body = streamed(b"ab", b"cd", length=length)
    body.keep(most, purse)
    read_all(body)
    assert purse.held == 0
    assert body.finish() is None
    assert (body.lost, purse.held, len(body)) == (lost, 0, 4)


def test_a_body_that_does_not_end_is_incomplete_and_its_room_is_free():
    purse = Purse(100)
    body = streamed(b"ab", length=4, ends=False)
    body.keep(100, purse)
    body.read()
    assert purse.held == 2
    assert body.finish() is None
    assert (body.lost, purse.held) == ("incomplete", 0)


@pytest.mark.parametrize("fails", [lambda body: body.read(), lambda body: body.waited(61)])
def test_an_error_of_the_source_frees_the_room_and_goes_on(fails):
    purse = Purse(100)
    body = streamed(b"ab", BadRequest("chunk"), ends=False)
    body.keep(100, purse)
    body.read()
    with pytest.raises((BadRequest, TimeoutError)):
        fails(body)
    assert (body.lost, purse.held) == ("incomplete", 0)


def test_the_digest_is_that_of_a_whole_body_whether_it_is_kept_or_not():
    body = streamed(b"ab", b"cd")
    body.keep(3, Purse(100), digest=True)
    body.read()
    assert body.digest == ""
    read_all(body)
    assert body.finish() is None
    assert body.digest == hashlib.sha256(b"abcd").hexdigest()


def test_the_start_can_be_read_again_and_is_counted_once():
    purse = Purse(100)
    body = streamed(b"ab", b"cd")
    body.keep(100, purse)
    body.read()
    assert body.rewind()
    assert read_all(body) == [b"ab", b"cd"]
    assert body.rewind()
    assert not body.whole
    assert read_all(body) == [b"ab", b"cd"]
    assert (body.read_so_far, purse.held) == (4, 4)
    assert body.finish() == b"abcd"


def test_what_is_beyond_the_start_cannot_be_read_again():
    body = streamed(bytes(REPEATED), b"x", ends=False)
    body.read()
    assert body.rewind()
    body.read()
    body.read()
    assert not body.rewind()
