"""What was counted in an engine, in the memory of the tee."""

import json

from httptee.ledger import ShadowLine, SpoolWords
from httptee.spool.engine.tally import Tally


def state(**runs):
    return json.dumps({"format": 1, "low": {}, "beyond": {}, "counts": runs, "aside": {}, "gap": [0, 0, 0]}).encode()


def test_what_an_older_state_lacks_is_counted_once_when_it_comes_again():
    words = SpoolWords()
    tally = Tally(words, "one")
    column = ShadowLine.DELIVERED[204]
    tally.know(1, state(one={"delivered 204": 7}))
    for count in (100, 90, 95, 100, 103):  # the engine goes on with a copy of some time before
        tally.count(0, {"delivered 204": count})
        assert words.taken[column] == 7 + max(100, count)
    again = Tally(words, "one")
    again.know(0, state(one={"delivered 204": 103}))
    assert words.taken[column] == 110  # while not all states are known
    again.know(1, state(one={"delivered 204": 8}))
    assert words.taken[column] == 111


def test_only_what_this_run_has_counted_is_its_own():
    words = SpoolWords()
    tally = Tally(words, "one")
    tally.know(0, state(one={"delivered 204": 3}, two={"delivered 204": 9}))
    tally.know(1, state(one={"delivered 204": 2, "failed timeout": 1}))
    assert words.taken[ShadowLine.DELIVERED[204]] == 5
    assert words.taken[ShadowLine.FAILED["timeout"]] == 1
    tally.know(0, state(one={"delivered 204": 4}))
    assert words.taken[ShadowLine.DELIVERED[204]] == 6


def test_a_count_never_becomes_less_where_an_engine_has_lost_its_states():
    words = SpoolWords()
    tally = Tally(words, "one")
    tally.know(0, state(one={"delivered 204": 3}))
    tally.know(0, None)
    tally.know(0, state(one={"delivered 204": 2}))
    assert words.taken[ShadowLine.DELIVERED[204]] == 5


def test_an_outcome_that_a_newer_version_knows_is_passed_over():
    words = SpoolWords()
    Tally(words, "one").know(0, state(one={"delivered 204": 1, "dropped something_new": 4}))
    assert sum(words.taken) == 1
