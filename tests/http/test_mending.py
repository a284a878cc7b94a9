import pytest

from httptee.errors import UpstreamProtocolError
from httptee.http.mending import OddHead, is_http_1, mended

from .measured import calls_of

STATUS = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "head",
    [
        STATUS + b"\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
        STATUS + b"A: b\r\nB:c \r\n\r\n",
        STATUS + b"Content-Length: 1, 1x\r\n\r\n".replace(b", 1x", b""),
        STATUS + b" A: b\r\n\r\n",
        STATUS + b" \r\nA: b\r\n\r\n",
        STATUS + b"no colon \r\n\r\n",
        STATUS + b"A: a\rb\r\n\r\n",
    ],
)
def test_what_cannot_be_mended_stays_as_it_is(head):
    assert mended(head) == (head, True)


@pytest.mark.parametrize(
    ("fields", "certain"),
    [
        (b"Content-Length: 7\r\nTransfer-Encoding: chunked\r\n", False),
        (b"transfer-encoding : x\r\ncontent-length : 7\r\nContent-Length: x\r\n", False),
        (b"Content-Length: 7\r\nX-Transfer-Encoding: chunked\r\n", True),
        (b"Content-Length: 7, 7\r\n", True),
    ],
)
def test_a_head_with_two_framings_is_uncertain_and_loses_its_length(fields, certain):
    head, is_certain = mended(STATUS + fields + b"\r\n")
    assert is_certain is certain
    assert (b"ontent-" in head) is certain


@pytest.mark.parametrize("values", [b"1, 2", b"1,", b"1, x", b"1\r\nContent-Length: 2", b"9" * 21 + b"," + b"9" * 21])
def test_lengths_that_are_not_one_number_are_refused(values):
    with pytest.raises(UpstreamProtocolError):
        mended(STATUS + b"Content-Length: " + values + b"\r\n\r\n")


def test_leading_zeros_make_no_other_number():
    assert mended(STATUS + b"Content-Length: 5, 05\r\n\r\n")[0] == STATUS + b"Content-Length: 5\r\n\r\n"


@pytest.mark.parametrize("text", [b"", b"H", b"HTTP", b"HTTP/", b"HTTP/1.", b"HTTP/1.1", b"HTTP/1.9 "])
def test_the_start_of_a_status_line_of_http_1(text):
    assert is_http_1(text)


@pytest.mark.parametrize("text", [b"h", b"\r", b"HTTP/2", b"HTTP/1.x", b"HTTP/1.10", b"HTTP/1.1\t", b"HTTP/1. "])
def test_the_start_of_anything_else(text):
    assert not is_http_1(text)


@pytest.mark.parametrize("step", [1, 2, 5, 100])
def test_a_head_is_collected_to_its_first_empty_line(step):
    odd, data = OddHead(1000, 10), b"HTTP/1.1 200 OK\nA : b\r\n\nrest\r\n\r\n"
    for at in range(0, len(data), step):
        if odd.feed(data[at : at + step]):
            break
    assert odd.head == STATUS + b"A: b\r\n\r\n"
    assert b"rest\r\n\r\n".startswith(odd.rest)
    assert odd.certain


@pytest.mark.parametrize(
    "line",
    [b"A :" + b" " * 50, b"A" + b" " * 50, b"A: b\r\n" + b" " * 50, b"A: b\r\n c", b"Content-Length: 1,1,1,1,1,1"],
)
def test_the_cost_is_in_proportion_to_the_size(line):
    """Functions called for twice as much."""
    few, many = (
        calls_of(lambda times=times: mended(STATUS + (line + b"\r\n") * times + b"\r\n")) for times in (500, 1000)
    )
    assert many <= 2 * few
