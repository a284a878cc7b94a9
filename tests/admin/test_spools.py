"""What is said of the spools."""

import json
from types import SimpleNamespace

import pytest

from httptee.admin.spools import eta, spool_status
from httptee.ledger import Spooled, SpoolWords
from tests.spool.spools import write

from .page import get, make

SECOND = 1_000_000_000


def spooled(**gauges):
    words = SpoolWords()
    words.publish(tick=SECOND, **gauges)
    return Spooled.of(words, SECOND)


@pytest.mark.parametrize(
    ("clones", "shrinks", "expected"), [(0, 0, 0.0), (1300, 1_300_000, 1.0), (1300, 0, None), (1300, 5, None)]
)
def test_the_end_is_foreseen_by_what_the_spool_becomes_smaller(clones, shrinks, expected):
    assert eta(SimpleNamespace(spooled=clones), spooled(rate=3_300_000, shrinks=shrinks)) == expected


def test_streams_that_another_tee_may_still_write_are_shown():
    statement = SimpleNamespace(spool=spooled(orphans=2), spooled=0, recovered=0)
    assert spool_status(statement)["orphans"] == 2


def test_what_belongs_to_no_b_is_in_the_status(tmp_path):
    write(tmp_path / "gone", 3)
    write(tmp_path / "http___b_2", 3)
    found = json.loads(get(make(settings=["-b.spool", str(tmp_path)]), "/status").body)
    (orphan,) = found["orphaned_spools"]
    assert (orphan["directory"], orphan["files"]) == (str(tmp_path / "gone"), 1)
    assert json.loads(get(make(), "/status").body)["orphaned_spools"] is None
