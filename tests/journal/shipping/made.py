"""A topic in memory that does what a test says, and a directory that is shipped into it."""

from collections import defaultdict
from itertools import count

from httptee.journal import Appended, JournalWriter, Limits
from httptee.journal.engines import TooLarge
from httptee.journal.shipping import Parcel, Shipper

UNLIMITED = Limits(min_free=0.0)


class Topic:
    """The part of an engine that a shipper uses. `outcomes` are those of the next appends; `stores` says whether one
    that is not committed is in the topic all the same."""

    def __init__(self, partitions=4, label="redis://there/topic"):
        self.partitions, self.label, self.error = partitions, label, ""
        self.outcomes, self.stores, self.most = [], False, 1 << 30
        self.calls = []
        self.messages = defaultdict(dict)  # by their writers and partitions, then by their numbers

    def append(self, messages):
        if any(len(message.payload) > self.most for message in messages):
            raise TooLarge("too long")
        self.calls.append(list(messages))
        outcome = self.outcomes.pop(0) if self.outcomes else Appended.COMMITTED
        if isinstance(outcome, BaseException):
            if self.stores:
                self.store(messages)
            raise outcome
        if outcome is Appended.COMMITTED or self.stores:
            self.store(messages)
        self.error = "" if outcome is Appended.COMMITTED else "nobody answers"
        return outcome

    def store(self, messages):
        for message in messages:
            before = self.messages[message.writer, message.partition].setdefault(message.number, message)
            assert before.payload == message.payload, "one number for two messages"

    @property
    def parcels(self):
        """What readers get: all messages without those that came twice. No number is left out."""
        found = []
        for numbered in self.messages.values():
            assert sorted(numbered) == list(range(1, len(numbered) + 1))
            found += [Parcel.unpacked(numbered[number].payload) for number in sorted(numbered)]
        return found

    @property
    def records(self):
        return sorted(parcel.record for parcel in self.parcels if parcel.record is not None)

    @property
    def missing(self):
        return [parcel.missing for parcel in self.parcels if parcel.missing is not None]


def writer_in(directory, stream="s", limits=UNLIMITED, **more):
    return JournalWriter(directory, stream, ".log", b"head", limits, **more)


def ticking():
    """A clock that moves by a tenth of a second at each look, so that no test waits."""
    return count(0, 0.1).__next__


def shipper(topic, directory, **more):
    more.setdefault("clock", ticking())
    return Shipper(topic, directory, ".log", "tee", lambda record: record[-1], **more)


def ship(shipping):
    """All that is there. What is being written counts after some looks."""
    quiet = 0
    while quiet < 4:
        quiet = quiet + 1 if shipping.turn() else 0


def numbered(first, count):
    return [(number, b"%06d" % number) for number in range(first, first + count)]
