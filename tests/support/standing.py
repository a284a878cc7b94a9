"""Tees that stay up from one test to the next, for tests that need nothing but a request and what becomes of it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from types import TracebackType

from .net import eventually
from .scripted import Script, ScriptedServer
from .scripts import answer
from .tee import TROUBLES, Tee


class _Set:
    """A tee with the servers of its own behind it: A, and perhaps a B."""

    def __init__(self, servers: int, options: tuple[str, ...]) -> None:
        before = set(threading.enumerate())
        with contextlib.ExitStack() as stack:
            self.servers = [stack.enter_context(ScriptedServer(answer())) for _ in range(servers)]
            upstreams = zip(("-a", "-b"), self.servers, strict=False)
            words = [word for name, server in upstreams for word in (name, server.url)]
            self.tee = stack.enter_context(Tee(*words, *options))
            self._stack = stack.pop_all()
        self.threads = set(threading.enumerate()) - before

    def begin(self, scripts: tuple[Script, ...]) -> None:
        for server, script in zip(self.servers, scripts, strict=True):
            server.begin_again(script)

    def end(self) -> None:
        """Leave nothing of this test to the next: no clone on its way, no connection, no script at work."""
        if len(self.servers) > 1:
            eventually(lambda: not any(ledger.in_flight for ledger in self.tee.ledgers()), "the end of every clone")
        self.begin((answer(),) * len(self.servers))
        output = self.tee.program.output
        assert not any(trouble in output for trouble in TROUBLES), output

    def close(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, tb)


class Standing:
    """Starts a tee when the first test asks for one with these options; leaving it ends all of them, each cleanly.

    A test finds servers that have no connection and remember no request. What the tee counts and learns goes on: of the
    connections that end with each test, it learns how long a server keeps one. So a test about kept connections has a
    tee of its own. A test waits for each of its clones. A tee under which a test has failed is not used again.
    """

    def __init__(self) -> None:
        self._sets: dict[tuple[int, tuple[str, ...]], _Set] = {}

    def __enter__(self) -> Standing:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        with contextlib.ExitStack() as stack:
            for each in self._sets.values():
                stack.push(each.close)

    @contextlib.contextmanager
    def alone(self, a: Script, *options: str) -> Iterator[tuple[Tee, ScriptedServer]]:
        """A tee without a B."""
        with self._use((a,), options) as used:
            yield used.tee, used.servers[0]

    @contextlib.contextmanager
    def between(self, a: Script, b: Script, *options: str) -> Iterator[tuple[Tee, ScriptedServer, ScriptedServer]]:
        """A tee between A and one B."""
        with self._use((a, b), options) as used:
            yield used.tee, used.servers[0], used.servers[1]

    @contextlib.contextmanager
    def _use(self, scripts: tuple[Script, ...], options: tuple[str, ...]) -> Iterator[_Set]:
        key = (len(scripts), options)
        used = self._sets.get(key)
        if used is None:
            used = self._sets[key] = _Set(len(scripts), options)
        try:
            used.begin(scripts)
            yield used
            used.end()
        except BaseException as error:
            del self._sets[key]
            used.close(type(error), error, error.__traceback__)
            raise

    def threads(self) -> set[threading.Thread]:
        """The threads that stay between two tests."""
        return {thread for each in self._sets.values() for thread in each.threads}

    def pids(self) -> set[int]:
        """The programs that stay between two tests."""
        return {each.tee.program.pid for each in self._sets.values()}
