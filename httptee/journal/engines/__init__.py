"""Logs that outlive a machine, behind one interface: a topic of Redis Streams or of Kafka. Local segments stay in front
of each as its outbox, so an engine that is down costs no request. `open_engine` opens a topic by its address."""

from httptee.journal.engines.address import is_engine_address, parse_address
from httptee.journal.engines.engine import Engine, Entry, Member, Message, Trimmed, Unavailable
from httptee.journal.engines.numbers import Missing
from httptee.journal.engines.opening import open_engine

__all__ = [
    "Engine",
    "Entry",
    "Member",
    "Message",
    "Missing",
    "Trimmed",
    "Unavailable",
    "is_engine_address",
    "open_engine",
    "parse_address",
]
