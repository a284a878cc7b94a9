"""Logs that outlive a machine, behind one interface: a topic of Redis Streams or of Kafka. Local segments stay in front
of each as its outbox, so an engine that is down costs no request. `open_engine` opens a topic by its address."""

from httptee.journal.engines.address import Address, is_engine_address, parse_address
from httptee.journal.engines.engine import Engine, Entry, Member, Message, TooLarge, Unavailable
from httptee.journal.engines.numbers import Missing
from httptee.journal.engines.opening import open_engine
from httptee.journal.engines.redis_link import Full, RedisLink

__all__ = [
    "Address",
    "Engine",
    "Entry",
    "Full",
    "Member",
    "Message",
    "Missing",
    "RedisLink",
    "TooLarge",
    "Unavailable",
    "is_engine_address",
    "open_engine",
    "parse_address",
]
