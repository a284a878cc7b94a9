from hypothesis import given, settings
from hypothesis import strategies as st

from httptee.journal.framing import HEADER_SIZE, RECORD, Damage, Frame, FrameReader, marker_of, pack

MARKER = marker_of(b"abcd")
payloads = st.lists(st.binary(max_size=200), min_size=1, max_size=12)


def written(payloads, marker=MARKER):
    return b"".join(
        pack(marker, RECORD, number, [(number * 10, payload)]) for number, payload in enumerate(payloads, 1)
    )


def read(data, piece=1 << 20, marker=b""):
    reader = FrameReader(marker)
    found = []
    for start in range(0, len(data), piece):
        found += reader.feed(data[start : start + piece])
    return [*found, *reader.end()]


def whole(found):
    return [(one.sequence, one.payload) for one in found if isinstance(one, Frame) and one.whole]


def frame_ends(payloads):
    ends, at = [], 0
    for payload in payloads:
        at += HEADER_SIZE + len(payload)
        ends.append(at)
    return ends


@given(payloads, st.integers(1, 300))
def test_frames_come_back_in_pieces_of_any_size(payloads, piece):
    found = read(written(payloads), piece)
    assert whole(found) == list(enumerate(payloads, 1))
    assert [(one.offset, one.end) for one in found][1:] == [
        (end, after) for end, after in zip(frame_ends(payloads), frame_ends(payloads)[1:], strict=False)
    ]


@given(payloads, st.data())
def test_a_file_cut_at_any_byte_keeps_the_whole_prefix(payloads, data):
    file = written(payloads)
    cut = data.draw(st.integers(0, len(file)))
    found = read(file[:cut], data.draw(st.integers(1, 300)))
    before = [end for end in frame_ends(payloads) if end <= cut]
    assert whole(found) == list(enumerate(payloads, 1))[: len(before)]
    rest = (before or [0])[-1]
    assert [one for one in found if isinstance(one, Damage)] == ([Damage(rest, cut)] if rest < cut else [])


@given(payloads, st.data())
@settings(max_examples=300)
def test_a_flipped_byte_costs_only_the_record_that_it_hits(payloads, data):
    file = bytearray(written(payloads))
    at = data.draw(st.integers(0, len(file) - 1))
    file[at] ^= data.draw(st.integers(1, 255))
    hit = next(number for number, end in enumerate(frame_ends(payloads), 1) if at < end)
    found = read(bytes(file), data.draw(st.integers(1, 300)), MARKER)
    assert whole(found) == [one for one in enumerate(payloads, 1) if one[0] != hit]


@given(payloads, st.integers(1, 5000))
def test_zeros_behind_the_last_frame_are_one_damage(payloads, zeros):
    file = written(payloads)
    found = read(file + bytes(zeros), 97)
    assert whole(found) == list(enumerate(payloads, 1))
    assert found[-1] == Damage(len(file), len(file) + zeros)


@given(payloads, payloads, st.data())
def test_frames_of_another_file_inside_a_damaged_payload_are_not_taken_for_frames(payloads, others, data):
    inside = written(others, marker_of(b"wxyz"))
    file = bytearray(written([b"first", inside, *payloads]))
    first = HEADER_SIZE + len(b"first")
    file[first + data.draw(st.integers(0, HEADER_SIZE - 1))] ^= 0xFF
    assert [payload for _, payload in whole(read(bytes(file)))] == [b"first", *payloads]


def test_a_damaged_payload_still_says_which_record_it_was():
    file = bytearray(written([b"one", b"two"]))
    file[HEADER_SIZE] ^= 1
    first, second = read(bytes(file))
    assert (first.sequence, first.stamp, first.payload, first.whole) == (1, 10, b"", False)
    assert second.payload == b"two"


@given(st.binary(max_size=2000), st.integers(1, 64))
def test_any_bytes_are_read_to_their_end(data, piece):
    found = read(data, piece)
    assert not found or found[-1].end == len(data)


@given(st.binary(max_size=500), payloads)
def test_frames_behind_any_bytes_are_found(rubbish, payloads):
    assert whole(read(rubbish + written(payloads), 61, MARKER)) == list(enumerate(payloads, 1))
