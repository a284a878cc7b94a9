"""The mock cluster of librdkafka, in a process of its own: it keeps what is put in while it runs."""

from __future__ import annotations

import signal
import sys

from .process import Program, suspend

_RUN = """
import signal, sys, confluent_kafka
options = {"bootstrap.servers": "", "test.mock.num.brokers": int(sys.argv[1]), "log_level": 0}
producer = confluent_kafka.Producer(options)
brokers = producer.list_topics(timeout=10).brokers.values()
print("brokers", ",".join(f"{broker.host}:{broker.port}" for broker in brokers), flush=True)
signal.pause()
"""


class KafkaCluster:
    """Topics are made when they are first used, with 4 partitions. One broker if no more are asked for."""

    def __init__(self, brokers: int = 1) -> None:
        self._brokers = brokers
        self.hosts = ""

    def __enter__(self) -> KafkaCluster:
        self._program = Program([sys.executable, "-c", _RUN, str(self._brokers)])
        (found,) = self._program.wait_for_line(r"^brokers (\S+)$")
        self.hosts = found[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._program.stop(code=None)

    def address(self, topic: str, more: str = "?partitions=4") -> str:
        return f"kafka://{self.hosts}/{topic}{more}"

    def pause(self) -> None:
        """It answers nothing until `proceed`."""
        suspend(self._program.pid)

    def proceed(self) -> None:
        self._program.send_signal(signal.SIGCONT)
