"""Records as they stand in a journal: the extension and its plain twin make the same bytes."""

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httptee import quick
from httptee.journal.framing import Frame, FrameReader
from tests.test_quick import NATIVE, outcome

FRAMES = [pytest.param(quick._frames, id="plain"), pytest.param(quick.frames, id="native", marks=NATIVE)]
MARKER = b"\xf5HTJabcd"


@pytest.mark.parametrize("frames", FRAMES)
def test_a_reader_finds_each_record_again(frames):
    records = [(5, b""), (-7, b"a"), (1 << 62, bytes(range(256)) * 5)]
    reader = FrameReader()
    found = [*reader.feed(frames(MARKER, 2, 41, records)), *reader.end()]
    assert all(isinstance(frame, Frame) and frame.whole for frame in found)
    assert [(frame.kind, frame.sequence, frame.stamp, frame.payload) for frame in found] == [
        (2, number, stamp, payload) for number, (stamp, payload) in enumerate(records, 41)
    ]
    assert frames(MARKER, 2, 41, []) == b""


@pytest.mark.parametrize("frames", FRAMES)
def test_a_payload_that_is_too_long_is_an_error(frames, monkeypatch):
    monkeypatch.setattr(quick, "MAX_PAYLOAD", 5000)
    with pytest.raises(ValueError, match="a record has at most"):
        frames(MARKER, 2, 1, [(0, b"a"), (1, bytes(5001))])


@NATIVE
@pytest.mark.parametrize("size", [4096, 4097, 70_000])
def test_long_payloads_have_the_same_frames(size):
    records = [(1, b"a"), (2, bytes(range(256)) * (size // 256) + bytes(size % 256))]
    assert quick.frames(MARKER, 2, 1, records) == quick._frames(MARKER, 2, 1, records)


ODD = [
    (),
    (MARKER, 2, 1),
    (b"short", 2, 1, [(0, b"a")]),
    ("marker88", 2, 1, [(0, b"a")]),
    (MARKER, -1, 1, [(0, b"a")]),
    (MARKER, 1 << 32, 1, [(0, b"a")]),
    (MARKER, 2, -1, [(0, b"a")]),
    (MARKER, 2, (1 << 63) + 5, [(0, b"a")]),
    (MARKER, 2, (1 << 64) - 1, [(0, b"a"), (0, b"b")]),
    (MARKER, 2, 1, ((0, b"a"),)),
    (MARKER, 2, 1, [(0, b"a"), (0, "b")]),
    (MARKER, 2, 1, [(0, bytearray(b"a"))]),
    (MARKER, 2, 1, [(1 << 63, b"a")]),
    (MARKER, 2, 1, [(0.5, b"a")]),
    (MARKER, 2, 1, [[0, b"a"]]),
    (MARKER, 2, 1, [(0, b"a", 1)]),
    (MARKER, 2, 1, None),
]


@NATIVE
@pytest.mark.parametrize("arguments", ODD)
def test_what_is_not_simple_is_what_the_plain_twin_makes_of_it(arguments):
    assert outcome(quick.frames, *arguments) == outcome(quick._frames, *arguments)


NUMBERS = st.integers(-(1 << 65), 1 << 65) | st.integers(0, 1000)
RECORDS = st.lists(st.tuples(NUMBERS | st.integers(-5, 5), st.binary(max_size=70)), max_size=5)


@NATIVE
@given(st.just(MARKER) | st.binary(max_size=9), NUMBERS, NUMBERS, RECORDS)
@settings(max_examples=1000, deadline=None)
def test_both_make_the_same_frames(marker, kind, sequence, records):
    arguments = marker, kind, sequence, records
    assert outcome(quick.frames, *arguments) == outcome(quick._frames, *arguments)


@NATIVE
def test_no_reference_is_lost_or_kept():
    payload = bytes(range(100, 120))
    records, odd = [(5, payload)], [(5, payload), (6, None)]
    watched = [payload, records, odd, records[0], MARKER]
    before = [sys.getrefcount(each) for each in watched]
    for _ in range(100):
        quick.frames(MARKER, 2, 1, records)
        outcome(quick.frames, MARKER, 2, 1, odd)
    assert [sys.getrefcount(each) for each in watched] == before
