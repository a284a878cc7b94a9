import io

import pytest

from httptee.middleware.incoming import Arriving, Kept, NoBody, ReadInput, body_of
from httptee.shadow import Budget
from tests.middleware.asked import Stream, environ

READS = {
    "read of all": lambda source: source.read(),
    "read of the length": lambda source: source.read(11),
    "read in pieces": lambda source: [source.read(4) for _ in range(4)],
    "lines": lambda source: [source.readline(), source.readline(), source.readline()],
    "lines of a size": lambda source: [source.readline(3) for _ in range(7)],
    "all lines": lambda source: source.readlines(),
    "iteration": lambda source: list(source),
}


def kept(read, length=11, most=100, limit=1000):
    budget = Budget(limit)
    body = Arriving(most, budget, length)
    read(ReadInput(Stream(b"hello\nworld"), body))
    return body, budget


@pytest.mark.parametrize("length", [11, None])
@pytest.mark.parametrize("read", READS)
def test_what_the_application_reads_is_kept(read, length):
    body, _ = kept(READS[read], length)
    if read == "read of the length" and length is None:
        assert not body.complete  # the application has not seen the end
        return
    assert body.complete
    assert (body.take(), body.withheld) == (b"hello\nworld", "")


@pytest.mark.parametrize("read", READS)
def test_the_application_reads_what_it_would_without_it(read):
    body = Arriving(100, Budget(1000), 11)
    assert READS[read](ReadInput(Stream(b"hello\nworld"), body)) == READS[read](Stream(b"hello\nworld"))


def test_readinto_is_there_if_the_source_has_it():
    body = Arriving(100, Budget(1000), 5)
    source = ReadInput(io.BytesIO(b"hello"), body)
    buffer = bytearray(3)
    assert source.readinto(buffer) == 3
    assert source.readinto(buffer) == 2
    assert body.take() == b"hello"
    assert not hasattr(ReadInput(Stream(b""), body), "readinto")
    assert ReadInput(io.BytesIO(b"x"), body).read1() == b"x"


def test_a_part_is_not_complete():
    body, _ = kept(lambda source: source.read(3))
    assert not body.complete


def test_a_read_of_nothing_is_no_end():
    body, _ = kept(lambda source: source.read(0), length=None)
    assert not body.complete


def test_a_body_counts_in_the_budget_until_it_is_released():
    body, budget = kept(lambda source: source.read())
    assert budget.held == 11
    assert body.take() == b"hello\nworld"
    body.release()
    body.release()
    assert budget.held == 0


@pytest.mark.parametrize("length", [11, None])
@pytest.mark.parametrize(
    ("limits", "reason"), [({"most": 10}, "too_large"), ({"limit": 10}, "over_budget")], ids=["too large", "no room"]
)
def test_a_body_over_a_limit_is_withheld_and_holds_nothing(limits, reason, length):
    body, budget = kept(lambda source: source.read(), length, **limits)
    assert (body.complete, body.withheld, budget.held) == (True, reason, 0)


def test_a_body_that_can_be_read_again_is_left_alone():
    source = io.BytesIO(b"xxhello")
    source.seek(2)
    body = Kept(source, 5)
    assert source.read() == b"hello"
    assert body.take() == b"hello"
    assert source.tell() == 7
    source.close()
    assert (body.take(), body.withheld) == (b"", "unread")


def of(source, **changes):
    given = environ("POST", "/", **{"wsgi.input": source, **changes})
    return given, body_of(given, 100, Budget(1000))


def test_a_request_without_a_body_keeps_its_input():
    source = Stream(b"")
    for given in ({}, {"CONTENT_LENGTH": ""}, {"CONTENT_LENGTH": "0"}):
        seen, body = of(source, **given)
        assert isinstance(body, NoBody)
        assert (body.complete, body.take(), body.withheld) == (True, b"", "")
        assert seen["wsgi.input"] is source


def test_which_body_it_is():
    assert isinstance(of(Stream(b"x"), CONTENT_LENGTH="1")[1], Arriving)
    assert isinstance(of(Stream(b"x"), HTTP_TRANSFER_ENCODING="chunked")[1], Arriving)
    assert isinstance(of(io.BytesIO(b"x"), CONTENT_LENGTH="1")[1], Kept)
    assert of(io.BytesIO(b"x" * 101), CONTENT_LENGTH="101")[1].withheld == "too_large"
    assert of(Stream(b"x"), CONTENT_LENGTH="1x")[1].withheld == "unread"
