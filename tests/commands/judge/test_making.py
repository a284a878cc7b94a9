import pytest

from httptee.commands.judge.making import earlier_repeats
from httptee.verdict.fleet.standing import VERDICT
from tests.support.engine import MemoryEngine


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", None),
        (b'{"reports": [{"repeats": 3}, {"repeats": 4}]}', {"made": 7}),
        (b'{"reports": [{}]}', None),
        (b"nonsense", None),
    ],
)
def test_the_repeats_of_earlier_judges_count_for_the_warm_up(data, found):
    engine = MemoryEngine()
    engine.put(VERDICT, data)
    assert earlier_repeats(engine) == found


def test_an_engine_that_is_down_does_not_keep_a_judge_from_its_start():
    engine = MemoryEngine()
    engine.unavailable = "down"
    assert earlier_repeats(engine) is None
