"""Which uploads are passed on while they arrive."""

import pytest

from httptee.server.uploads.admission import AT_ONCE, Streaming, Uploads, most_streaming
from httptee.server.uploads.passing import PassingBody

from .requests import CHUNKED, EXPECTS, arriving, length


def uploads(longer=100, threads=4, queueing=False, **options):
    return Uploads(Streaming(longer, **options), threads, lambda: queueing)


@pytest.mark.parametrize(("threads", "most"), [(1, 0), (2, 1), (3, 1), (8, 2), (32, 8), (64, 16)])
def test_a_quarter_of_the_threads_and_never_the_last(threads, most):
    assert most_streaming(threads) == most


@pytest.mark.parametrize(
    ("lines", "body", "begins"),
    [
        ([length(100)], b"", False),
        ([length(101)], b"", True),
        ([length(101)], b"x", True),
        ([CHUNKED], b"", False),
        ([CHUNKED], b"64\r\n" + bytes(100) + b"\r\n", False),
        ([CHUNKED], b"65\r\n" + bytes(101) + b"\r\n", True),
        ([CHUNKED, EXPECTS], b"", True),
        ([length(100), EXPECTS], b"", False),
    ],
)
def test_long_bodies_begin_and_chunked_ones_once_they_are_long(lines, body, begins):
    assert uploads().begins(arriving(*lines, body=body), True) is begins


def test_what_had_arrived_comes_first():
    request = arriving(length(200), body=b"start")
    assert uploads().begins(request, True)
    assert isinstance(request.body_rcv, PassingBody)
    request.received(b" and more")
    assert request.body_rcv.take() == b"start and more"


def test_a_chunked_body_with_an_expectation_may_have_to_be_read_first():
    assert not uploads(expecting=False).begins(arriving(CHUNKED, EXPECTS), True)


def test_none_begins_without_streaming_or_while_requests_wait_for_a_thread():
    assert not Uploads(None, 4, lambda: False).begins(arriving(length(200)), True)
    assert not uploads(queueing=True).begins(arriving(length(200)), True)


def test_a_request_whose_head_is_not_whole_does_not_begin():
    request = arriving(length(200))
    request.body_rcv = None
    assert not uploads().begins(request, True)


def test_there_is_a_place_again_when_an_upload_has_ended():
    some = uploads(threads=4)
    first, second = arriving(length(200)), arriving(length(200))
    assert some.begins(first, True)
    assert not some.begins(second, True)
    first.close()
    assert repr(some) == "<Uploads [free 1]>"
    assert not some.begins(second, True), "it was decided once"
    assert some.begins(arriving(length(200)), True)


def test_a_body_that_is_in_a_file_already_is_read_to_its_end():
    some = uploads()
    request = arriving(CHUNKED, body=b"c8\r\n" + bytes(200), memory=0)
    request.received(b"\r\n1\r\nx\r\n")  # in two pieces: a small body in one piece is always held
    assert request.body_rcv.in_memory is None
    assert not some.begins(request, True)
    assert repr(some) == "<Uploads [free 1]>"
    request.close()


@pytest.mark.parametrize(
    ("lines", "arrived", "begins"),
    [
        ([length(10**6)], 1000, False),
        ([length(10**6)], AT_ONCE, False),
        ([length(10**6)], AT_ONCE + 1, True),
        ([length(10**6), EXPECTS], 0, True),
    ],
)
def test_what_is_there_already_is_read_first_up_to_a_size(lines, arrived, begins):
    request, some = arriving(*lines, body=bytes(arrived)), uploads()
    assert some.may_begin(request)
    assert some.begins(request, waits=False) is begins
    assert some.begins(request, waits=True) is not begins
