"""A partition of a topic in Redis, read from its beginning to its end, without a group."""

from __future__ import annotations

from collections.abc import Iterator

from httptee.journal.engines.engine import Entry, Unavailable
from httptee.journal.engines.numbers import Mark, Missing, Numbers
from httptee.journal.engines.redis_link import RedisLink
from httptee.journal.engines.redis_topic import RedisTopic, entry_of, marks

_MOST, _MOST_BYTES = 1000, 4 * 1024 * 1024
"""What is read at once: messages, and bytes as far as the sizes before can tell."""


def scan(link: RedisLink, topic: RedisTopic, partition: int) -> Iterator[Entry | Missing]:
    """What is there now, each once, and what is missing. Raises Unavailable."""
    known = link.ask("HGET", topic.about, "partitions")
    if known is not None and int(known) != topic.partitions:
        raise Unavailable(f"the topic {topic.prefix} has {int(known)} partitions, not {topic.partitions}")
    stream, numbers, count = topic.stream(partition), Numbers(partition), 1
    last, gone = _marks(link, topic.last(partition)), _marks(link, topic.gone(partition))
    newest = link.ask("XREVRANGE", stream, "+", "-", "COUNT", 1)
    place = "-"
    while newest and (entries := link.ask("XRANGE", stream, place, newest[0][0], "COUNT", count)):
        for cursor, fields in entries:
            entry = entry_of(partition, cursor, fields)
            message = entry.message
            new = numbers.is_new(message.writer, message.number)
            if (missing := numbers.note(message.writer, Mark(message.number, message.stamp), gone)) is not None:
                yield missing
            if new:
                yield entry
        size = sum(len(fields[b"p"]) for _, fields in entries) / len(entries)
        place, count = f"({entries[-1][0].decode()}", max(1, min(_MOST, int(_MOST_BYTES / (size + 1))))
    for writer, mark in last.items():
        if (missing := numbers.end(writer, mark, gone)) is not None:
            yield missing


def _marks(link: RedisLink, key: str) -> dict[str, Mark]:
    found = link.ask("HGETALL", key)
    return dict(marks([part for pair in found.items() for part in pair]))
