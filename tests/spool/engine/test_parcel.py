"""A clone as it is put into an engine."""

import pytest

from httptee.spool import MalformedClone, decode
from httptee.spool.engine.parcel import packed, partition_of, unpacked
from httptee.spool.record import encode

from ..spools import a_request


def test_it_comes_out_as_it_went_in():
    clone = decode(encode(a_request(7), "lane"))
    assert unpacked(packed("run-01-0001-7", clone)) == ("run-01-0001-7", clone)


@pytest.mark.parametrize("data", [b"", b"\xffshort", b"\x01a", b"\x00no clone"])
def test_other_bytes_are_refused(data):
    with pytest.raises(MalformedClone):
        unpacked(data)


def test_a_lane_is_in_the_same_partition_in_every_tee():
    assert [partition_of(lane, 16) for lane in ("10.0.0.1:4711", "x", "", "ü☃")] == [
        partition_of(lane, 16) for lane in ("10.0.0.1:4711", "x", "", "ü☃")
    ]
    assert len({partition_of(f"lane{number}", 16) for number in range(500)}) == 16
