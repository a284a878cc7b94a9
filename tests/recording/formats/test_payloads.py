import io

import pytest

from httptee.recording.formats import payloads as module
from httptee.recording.formats.payloads import SEPARATOR, PayloadReader, first_stamp
from tests.recording.formats.made import MONKEYS, NOW, answered, asked, gor, payload


class Slow(io.BytesIO):
    """A file that gives a byte at a time."""

    def read(self, size=-1):
        return super().read(min(size, 1))


def read(data, file=io.BytesIO):
    reader = PayloadReader(file(data))
    return list(reader), reader.skipped


def test_the_separator_is_that_of_goreplay():
    assert SEPARATOR == MONKEYS == b"\n\xf0\x9f\x90\xb5\xf0\x9f\x99\x88\xf0\x9f\x99\x89\n"


def test_a_payload_has_the_numbers_of_its_line():
    (one, other), _ = read(gor(payload(1, "ab-9", NOW, asked(), 7), payload(3, "f", 5, answered(), None), last=False))
    assert (one.type, one.id, one.stamp, one.latency, one.index) == (1, "ab-9", NOW, 7, 0)
    assert (other.type, other.id, other.stamp, other.latency, other.index) == (3, "f", 5, None, 1)
    assert (one.ending, other.ending) == (len(MONKEYS), 0)
    assert one.line() + one.data == payload(1, "ab-9", NOW, asked(), 7)


def test_the_result_does_not_depend_on_the_pieces_that_a_file_gives():
    data = gor(payload(1, "a", NOW, asked(body=MONKEYS * 2)), b"junk", payload(2, "a", NOW, answered(MONKEYS)))
    assert read(data, Slow) == read(data)
    assert len(read(data)[0]) == 2


def test_a_damaged_line_costs_its_payload_only():
    data = gor(
        payload(1, "a", NOW, asked(body=b"x")), b"X" + payload(2, "a", NOW, answered()), payload(1, "b", NOW, asked())
    )
    found, skipped = read(data)
    assert [one.id for one in found] == ["a", "b"]
    assert skipped == len(payload(2, "a", NOW, answered())) + 1 + len(MONKEYS)


@pytest.mark.parametrize("head", ["Content-Length: 99999999999", "Transfer-Encoding: chunked"])
def test_a_length_that_is_a_lie_does_not_swallow_the_rest(head, monkeypatch):
    monkeypatch.setattr(module, "_MOST", 1 << 16)
    lie = f"HTTP/1.1 200 OK\r\n{head}\r\n\r\nfffffff\r\nabc".encode()
    found, skipped = read(gor(payload(2, "a", NOW, lie), *(payload(1, f"{n:x}", NOW, asked()) for n in range(99))))
    assert len(found) == 100
    assert not skipped


def test_a_file_without_an_end_is_refused_and_not_held(monkeypatch):
    monkeypatch.setattr(module, "_MOST", 1 << 16)
    with pytest.raises(ValueError, match="no payload ends within"):
        read(payload(1, "a", NOW, b"x" * (1 << 20)))


def test_junk_of_any_size_is_skipped_without_being_held(monkeypatch):
    monkeypatch.setattr(module, "_MOST", 1 << 16)
    found, skipped = read(gor(b"x" * (1 << 20), payload(1, "a", NOW, asked())))
    assert len(found) == 1
    assert skipped == (1 << 20) + len(MONKEYS)


def test_a_file_is_known_by_its_first_line():
    assert first_stamp(b"1 a 17 1\nGET") == 17
    assert first_stamp(b"2 a 0\n") == 0
    for start in (b"", b"4 a 1 1\n", b"1 a\n", b"1 a x\n", b"1 a 1 1", b"{}"):
        assert first_stamp(start) is None
