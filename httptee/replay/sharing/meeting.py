"""Members of a replay meet beside a topic: by documents there, each of which one member writes.

    replay/GROUP/seat/TOKEN        a number that grows while the member lives
    replay/GROUP/run               by the leader: the tokens of this run, in their order
    replay/GROUP/RUN/ready/TOKEN   what the member has
    replay/GROUP/RUN/go            by the leader, once all are ready: whoever sees it begins
    replay/GROUP/RUN/end/TOKEN     what the member has counted

No clock of one machine is compared with that of another.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from secrets import token_hex
from time import monotonic, sleep

import orjson

from httptee.journal.engines import Engine, Unavailable

_BEAT = 1.0  # seconds
_GONE = 15.0  # seconds without a beat
_LOOK = 0.02  # seconds between two looks; so much apart the members begin
_SETTLED = 1.0  # seconds for which the list of a run must stay the same
_TELL = 10.0  # seconds between two words about what is waited for


class Alone(Exception):
    """Too few members came, or one has gone. The text is one line for a person."""


class Meeting:
    """`<Meeting night [2 of 3]>`: one of `count` members of a group. `say` gets what a person should know meanwhile.
    `patience` is in seconds: so long it waits for the others to come.

    Call `join`, `ready`, `begin`, and at the end `finish`. Each raises Unavailable if the engine fails, and Alone.
    """

    def __init__(
        self,
        engine: Engine,
        group: str,
        count: int,
        say: Callable[[str], object],
        patience: float = 120.0,
    ) -> None:
        self.index = 0
        """The place of this member, from 0."""
        self.stopped: Callable[[], bool] = lambda: False
        """Whether nothing more is waited for."""
        self._engine = engine
        self._prefix = f"replay/{group}/"
        self._group = group
        self._count = count
        self._say = say
        self._patience = patience
        self._token = token_hex(8)
        self._tokens: list[str] = []
        self._run = ""
        self._seen: dict[str, tuple[bytes, float]] = {}  # the last beat of each token, and when it changed
        self._alive: set[str] = set()
        self._ended = threading.Event()
        self._beating = threading.Thread(target=self._beat, name="beat", daemon=True)
        self._told = monotonic()

    def __repr__(self) -> str:
        return f"<Meeting {self._group} [{len(self._alive)} of {self._count}]>"

    @property
    def reports(self) -> bool:
        """Whether this member makes the report."""
        return self.index == 0

    def join(self) -> None:
        """Wait until all members are there, and agree on their order."""
        self._put(f"seat/{self._token}", b"0")
        self._beating.start()
        deadline, since, agreed = monotonic() + self._patience, 0.0, b""
        while True:
            self._look()
            found = self._documents("run").get("run", b"")
            tokens = _tokens(found)
            if self._token in tokens and found == agreed:
                if monotonic() - since >= _SETTLED:
                    break
            elif self._token in tokens:
                since, agreed = monotonic(), found
            elif len(self._alive) >= self._count and min(self._alive) == self._token:
                chosen = [self._token, *sorted(self._alive - {self._token})][: self._count]
                self._put("run", orjson.dumps([token_hex(8), *chosen]))
            if monotonic() > deadline:
                raise Alone(f"only {len(self._alive)} of {self._count} members came to the group {self._group}")
            self._tell(f"{len(self._alive)} of {self._count} members of the group {self._group} are there")
            self._rest(0.1)
        self._run, *self._tokens = orjson.loads(agreed)
        self.index = self._tokens.index(self._token)

    def ready(self, document: Mapping[str, object]) -> list[Mapping[str, object]]:
        """Say what this member has; wait for the others, and return what all have, in their order."""
        self._put(f"{self._run}/ready/{self._token}", orjson.dumps(document))
        while True:
            found = self._documents(f"{self._run}/ready/")
            missing = [token for token in self._tokens if f"{self._run}/ready/{token}" not in found]
            if not missing:
                return [orjson.loads(found[f"{self._run}/ready/{token}"]) for token in self._tokens]
            self._wait_for(missing, "have not fetched their part")

    def begin(self) -> None:
        """Return at the same time as the other members."""
        if self.reports:
            self._put(f"{self._run}/go", b"1")
        while f"{self._run}/go" not in self._documents(f"{self._run}/go"):
            self._wait_for(self._tokens[:1], "do not begin", _LOOK)

    def finish(self, document: bytes) -> list[bytes | None]:
        """Say what this member has counted. The one that reports waits for the others, and gets what all have counted,
        in their order; None for one that has gone. The others get nothing. The document must not be empty."""
        for pause in (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 10.0, 0.0):  # a figure is worth a wait
            try:
                self._put(f"{self._run}/end/{self._token}", document)
                break
            except Unavailable:
                if not pause:
                    raise
                self._rest(pause)
        if not self.reports:
            return []
        told: set[str] = set()
        while True:
            found = self._documents(f"{self._run}/end/")
            self._look()
            missing = [token for token in self._tokens[1:] if f"{self._run}/end/{token}" not in found]
            gone = [token for token in missing if token not in self._alive]
            if set(gone) - told:
                self._say(self._gone(gone))
                told.update(gone)
            if self.stopped() or len(gone) == len(missing):
                return [found.get(f"{self._run}/end/{token}") for token in self._tokens]
            self._tell(f"{len(missing)} of {self._count} members of the group {self._group} have not ended")
            sleep(0.1)

    def close(self) -> None:
        """Leave. The member that reports removes the documents of the run. May be called twice. Does not raise."""
        if self._ended.is_set():
            return
        self._ended.set()
        if self._beating.ident is not None:
            self._beating.join(_BEAT)
        with suppress(Unavailable):
            self._put(f"seat/{self._token}", b"")
            if self._run and self.reports:
                for name in [*self._documents(f"{self._run}/"), "run"]:
                    self._put(name, b"")

    def _beat(self) -> None:
        number = 1
        while not self._ended.wait(_BEAT):
            with suppress(Unavailable):
                self._put(f"seat/{self._token}", str(number).encode())
            number += 1

    def _look(self) -> None:
        """Learn who lives. Who has never beaten before our eyes may be left of an earlier run."""
        now = monotonic()
        for name, beat in self._documents("seat/").items():
            token = name.removeprefix("seat/")
            before = self._seen.get(token)
            if before is None or before[0] != beat:
                self._seen[token] = beat, now
                if before is not None:
                    self._alive.add(token)
        self._alive |= {self._token}
        self._alive -= {token for token, (_, at) in self._seen.items() if now - at > _GONE and token != self._token}

    def _wait_for(self, tokens: list[str], what: str, pause: float = 0.1) -> None:
        """Wait a little. Raises Alone if one of these members has gone."""
        self._look()
        gone = [token for token in tokens if token not in self._alive]
        if gone:
            raise Alone(self._gone(gone))
        self._tell(f"{len(tokens)} of {self._count} members of the group {self._group} {what}")
        self._rest(pause)

    def _gone(self, tokens: list[str]) -> str:
        names = " and ".join(str(self._tokens.index(token) + 1) for token in tokens)
        return f"of the {self._count} members of the group {self._group}, number {names} has gone"

    def _rest(self, seconds: float) -> None:
        if self.stopped():
            raise KeyboardInterrupt
        sleep(seconds)

    def _tell(self, text: str) -> None:
        if monotonic() - self._told >= _TELL:
            self._told = monotonic()
            self._say(text)

    def _put(self, name: str, document: bytes) -> None:
        self._engine.put(self._prefix + name, document)

    def _documents(self, prefix: str) -> dict[str, bytes]:
        """The documents that are not empty, by their names behind that of the group."""
        found = self._engine.documents(self._prefix + prefix)
        return {name.removeprefix(self._prefix): document for name, document in found.items() if document}


def _tokens(document: bytes) -> list[str]:
    """The tokens of a run."""
    return [str(token) for token in orjson.loads(document)[1:]] if document else []
