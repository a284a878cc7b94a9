"""An engine by its address. Only what the address needs is imported: most tees need none."""

from __future__ import annotations

from httptee.journal.engines.address import parse_address
from httptee.journal.engines.engine import Engine


def open_engine(address: str, *, lease: float = 10.0, keep: bool = False) -> Engine:
    """The topic of an address. It connects when it is first used, so a server that is down is no error here.

    `lease`: seconds after which the partitions of a member that was killed go to another. `keep`: what every group has
    settled stays in the topic until `trim` removes it; otherwise it is removed at once. In Kafka it stays.
    Raises ValueError, in one line: the address is wrong, or a file or a library that it needs is missing.
    """
    parsed = parse_address(address)
    if parsed.scheme == "kafka":
        from httptee.journal.engines.kafka_engine import KafkaEngine

        return KafkaEngine(parsed, lease)
    from httptee.journal.engines.redis_engine import RedisEngine

    return RedisEngine(parsed, lease, keep)
