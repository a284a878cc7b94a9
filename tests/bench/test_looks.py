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
