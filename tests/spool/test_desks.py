"""Where the clones of a B go after a reload."""

import logging

from httptee.build import build_ledger, drained, give_desks
from httptee.http.endpoint import Endpoint
from httptee.settings import Backend, Settings
from httptee.spool import directory_of

from .spools import write


def settings(directory):
    a, b = Endpoint.parse("127.0.0.1:1"), Backend.parse("http://127.0.0.1:1 name=b")
    return Settings(processes=1, a=a, b=(b,), b_spool=str(directory))


def test_a_reload_with_another_directory_keeps_the_one_with_the_backlog(tmp_path, caplog):
    first, second = tmp_path / "first", tmp_path / "second"
    old = build_ledger(settings(first), 1)
    give_desks(settings(first), old)
    words = old.spools.by_name["b"]
    old.spools.desk(0, 0).put(3)
    write(directory_of(str(first), "b"), 3, run=old.spools.run)
    old.spools.settle_death(0, 0, 3)
    old.spools.give_back()
    with caplog.at_level(logging.WARNING):
        new = build_ledger(settings(second), 1, old.history)
        give_desks(settings(second), new)
    (made,) = [make() for make in drained(settings(second), new)]
    try:
        assert "B b: another directory for its spool needs a restart: " + str(first) in caplog.text
        assert made.directory == directory_of(str(first), "b")
        made.catchup.source.refresh()
        made.catchup.step(held=True)
        assert len(made.catchup.lanes) == 3
        assert new.statements()[0].failed == 0
        assert words.held == 3
    finally:
        made.catchup.source.close()
        made.close()
