"""Looks at the statement of a tee."""

from __future__ import annotations

import threading

import pytest

from bench.errors import NotStartedError
from bench.scenarios.stores import looks

EXACT = {"seen": 9, "delivered": 3, "failed": 1, "dropped": 2, "in_flight": 1, "spooled": 2, "recovered": 4}


def test_a_statement_adds_up_or_not() -> None:
    assert looks.exact(EXACT)
    assert not looks.exact(EXACT | {"spooled": 3})
    assert not looks.exact(EXACT | {"delivered": 5, "in_flight": -1})


def test_statements_are_compared_with_what_a_and_b_have_counted() -> None:
    level = {"seen": 9, "delivered": 9, "in_flight": 0, "recovered": 0}
    assert looks.unaccounted([level, level | {"seen": 7, "recovered": 4}], 12, 18) == 0
    assert looks.unaccounted([level], 10, 9) == 1
    assert looks.unaccounted([level], 9, 11) == 2


def test_a_tee_that_is_just_killed_is_no_look(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([EXACT, NotStartedError("killed"), ProcessLookupError(), EXACT | {"seen": 8}])
    done = threading.Event()

    def counts() -> dict[str, int]:
        found = next(answers, None)
        if found is None:
            done.set()
            return EXACT
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(looks, "EACH", 0.001)
    with looks.looking(counts) as found:
        assert done.wait(30)
    assert found.wrong == 1
    assert found.looks >= 3
