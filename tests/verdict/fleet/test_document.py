import zlib
from dataclasses import replace

import pytest

from httptee.verdict.court import RouteSums
from httptee.verdict.fleet.document import Lost, Pairs, decoded, encoded
from tests.verdict.fleet.fakes import statement, tee


def test_a_document_comes_back_as_it_was():
    one = tee(more={"GET /": RouteSums(3, 2, 1, 1), "GET /{int}": RouteSums(5)}, names=[{"GET /"}, {"GET /{int}"}])
    one = replace(one, pairs=Pairs(4, 3, Lost(1, 2.5, 3.5), "down"), ended=True, share=0.5)
    one.backends["other"] = replace(
        one.backends["canary"],
        statement=statement(
            "other",
            9,
            delivered_by_status={200: 3, 404: 1},
            failed_by_reason={"timeout": 2},
            dropped_by_reason={"saturated": 1},
            spooled=2,
        ),
        missed=1,
        fingerprint="f",
    )
    found = decoded(encoded(one))
    assert set(found.names) == set(one.names)
    assert replace(found, names=()) == replace(one, names=())
    assert found.backends["other"].statement.in_flight == 0
    assert one.name == "tee/one/first"


@pytest.mark.parametrize(
    "data",
    [b"", b"x", zlib.compress(b"{}"), zlib.compress(b"[]"), zlib.compress(b'{"schema":[9]}'), encoded(tee())[:-9]],
)
def test_what_is_no_document_is_refused(data):
    with pytest.raises(ValueError, match=r"\w"):
        decoded(data)


def test_losses_add_up_with_the_time_of_the_first_and_the_last():
    assert Lost(1, 5.0, 6.0) + Lost(2, 3.0, 4.0) == Lost(3, 3.0, 6.0)
    assert Lost() + Lost(2, 0.0, 4.0) + Lost(1, 2.0, 3.0) == Lost(3, 2.0, 4.0)
