"""The waits of the tests are short."""

import pytest

from httptee.spool import catchup


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(catchup, "_FIRST_WAIT", 0.01)
    monkeypatch.setattr(catchup, "_LONGEST_WAIT", 0.1)
