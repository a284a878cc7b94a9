import pytest

from httptee.verdict.fleet.forgetting import forget, read_merged
from httptee.verdict.fleet.standing import VERDICT
from tests.support.engine import MemoryEngine


def test_before_a_judge_has_said_anything_there_is_no_verdict():
    assert read_merged(MemoryEngine()) is None


@pytest.mark.parametrize("data", [b"{}", b"[]", b"nonsense", b'{"reports": 3}'])
def test_what_is_no_verdict_is_refused(data):
    engine = MemoryEngine()
    engine.put(VERDICT, data)
    with pytest.raises(ValueError, match=r"\w"):
        read_merged(engine)


def test_the_verdict_is_read():
    engine = MemoryEngine()
    engine.put(VERDICT, b'{"word": "NO", "reports": []}')
    assert read_merged(engine) == {"word": "NO", "reports": []}


def test_only_what_counts_is_forgotten():
    engine = MemoryEngine()
    for name in ("tee/a/1", "tee/a/2", "tee/ab/1"):
        engine.put(name, b"x")
    assert forget(engine, "a") == 2
    assert forget(engine, "a") == 0
    assert engine.documents("tee/") == {"tee/a/1": b"", "tee/a/2": b"", "tee/ab/1": b"x"}
