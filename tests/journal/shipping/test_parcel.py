import pytest

from httptee.journal.shipping.parcel import Missing, Parcel


def test_a_parcel_says_what_it_holds():
    missing = Missing(None, 1, 2, "lost")
    assert Parcel.unpacked(b"Rrecord") == Parcel(record=b"record")
    assert Parcel.unpacked(b"Nnote") == Parcel(note=b"note")
    assert Parcel.unpacked(b"H") == Parcel(head=b"")
    assert Parcel.unpacked(b"M" + missing.packed()) == Parcel(missing=missing)


@pytest.mark.parametrize("payload", [b"", b"Xrecord", b"M", b"M[1]", b'M{"a":1}', b'M["x",1,2,"y"]', b"Mnull"])
def test_what_a_shipper_did_not_make_is_refused(payload):
    with pytest.raises(ValueError):
        Parcel.unpacked(payload)
