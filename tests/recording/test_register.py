import json
import logging

import pytest

from httptee.journal import Appended
from httptee.ledger import Ledger
from httptee.recording.exchange import encode
from httptee.recording.reading import read_recording
from httptee.recording.register import Register
from tests.recording.made import START, exchange, journal


class Broken:
    """A journal that takes nothing until it is mended."""

    def __init__(self, outcome):
        self.outcome = outcome
        self.sequence = self.removed = 0
        self.error = "no room"
        self.notes = []

    def append(self, records):
        if self.outcome is Appended.COMMITTED:
            self.sequence += len(records)
        return self.outcome

    def note(self, stamp, payload):
        if self.outcome is Appended.COMMITTED:
            self.notes.append(json.loads(payload))
        return self.outcome

    def close(self):
        self.closed = True


def records(*numbers):
    return [(START + number, encode(exchange(number))) for number in numbers]


def test_records_are_written_and_counted(tmp_path):
    ledger = Ledger([])
    account = ledger.recording.account(0)
    register = Register(journal(tmp_path), account)
    register.append(records(2, 1))
    register.publish(held=33)
    register.close()
    assert (ledger.recorded().recorded, ledger.recorded().held, account.last) == (2, 33, START + 2)
    assert read_recording([tmp_path]).count == 2


@pytest.mark.parametrize(("outcome", "reason"), [(Appended.FULL, "disk_full"), (Appended.UNAVAILABLE, "disk_failed")])
def test_what_the_disk_does_not_take_is_counted_logged_once_and_named_later(caplog, outcome, reason):
    caplog.set_level(logging.INFO)
    broken, ledger = Broken(outcome), Ledger([])
    register = Register(broken, ledger.recording.account(0))
    register.append(records(1, 2, 3))
    register.append(records(4))
    register.publish()
    assert ledger.recorded().not_recorded_by_reason == {reason: 4}
    assert caplog.messages == ["requests are not recorded: no room; they are counted, and it is tried again"]
    broken.outcome = Appended.COMMITTED
    register.append(records(5))
    register.close()
    assert ledger.recorded().recorded == 1
    assert [(note["reason"], note["lost"]) for note in broken.notes] == [(reason, 4)]
    assert caplog.messages[-1] == "requests are recorded again"


def test_the_losses_of_others_are_named_too():
    broken, ledger = Broken(Appended.COMMITTED), Ledger([], 2)
    other = ledger.recording.account(1)
    register = Register(broken, ledger.recording.account(0), lambda: [other])
    other.lost("queue_full", 7)
    other.recorded(1, START)
    register.publish()
    register.close()
    assert [(note["reason"], note["lost"], note["since"]) for note in broken.notes] == [("queue_full", 7, START)]
    assert broken.closed


def test_a_record_that_is_too_long_is_counted_with_its_batch(monkeypatch):
    def fails(records):
        raise ValueError("too long")

    broken, ledger = Broken(Appended.COMMITTED), Ledger([])
    broken.append = fails
    with pytest.raises(ValueError, match="too long"):
        Register(broken, ledger.recording.account(0)).append(records(1, 2))
    assert ledger.recorded().not_recorded_by_reason == {"unreadable": 2}
