import pytest

from httptee.errors import BadRequest
from httptee.http.section import Section

from .measured import MeasuredBuffer

FIELDS = b"A: 1\r\nB: 2\r\n\r\n"


@pytest.mark.parametrize("step", range(1, len(FIELDS) + 1))
def test_a_section_ends_with_its_empty_line_however_it_is_divided(step):
    section, data, used = Section(bytearray()), FIELDS + b"behind it", 0
    for start in range(0, len(data), step):
        used = section.add(data[start : start + step])
        if used:
            break
    assert start + used == len(FIELDS)
    assert (bytes(section.buffer), section.lines) == (FIELDS, 2)


@pytest.mark.parametrize("step", [1, 2, 3, 100])
@pytest.mark.parametrize("data", [b"\nA: 1", b"A: 1\nB: 2\r\n", b"A: 1\r\n\nB", b"A\r\r\n\n"])
def test_a_bare_lf_is_refused_before_the_section_ends(data, step):
    section = Section(bytearray())
    pieces = [data[start : start + step] for start in range(0, len(data), step)]
    with pytest.raises(BadRequest):
        [section.add(piece) for piece in pieces]


def test_what_stands_behind_the_section_is_not_looked_at():
    assert Section(bytearray()).add(FIELDS + b"\n\x00\r") == len(FIELDS)


@pytest.mark.parametrize("step", [1, 7, 5000])
def test_every_byte_is_searched_once_and_added_once(step):
    buffer = MeasuredBuffer()
    section = Section(buffer)
    data = b"X: " + b"y" * 30_000 + b"\r\n" + b"a:b\r\n" * 1000
    pieces = [data[start : start + step] for start in range(0, len(data), step)]
    for piece in pieces:
        section.add(piece)
    assert buffer.added == len(data)
    # Three searches, two of which begin up to four bytes before the new ones, together.
    assert buffer.searched <= 3 * len(data) + 4 * len(pieces)
