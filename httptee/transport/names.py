"""The addresses of an upstream, looked up in a thread of their own, with a deadline and a cache.

`getaddrinfo` blocks until the resolver answers, and cannot be canceled. A thread that serves a client must not run it.
So one daemon thread looks the name up, and the threads that need addresses wait for it up to a deadline. An answer is
fresh for `ttl` seconds. An older one is still used while a lookup in the background replaces it: as long as the old
addresses work, a resolver that is down does no harm.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from itertools import chain, zip_longest
from math import inf
from time import monotonic
from typing import Any, NamedTuple

FAILED_FOR = 1.0
"""Seconds for which a failed lookup is not repeated."""


class Address(NamedTuple):
    """One address to connect to, as the socket module takes it."""

    family: int
    sockaddr: tuple[Any, ...] | str


Lookup = Callable[[str, int], Sequence[Address]]
"""From a host and a port to its addresses. Raises OSError."""


def look_up(host: str, port: int) -> list[Address]:
    """The addresses that the system's resolver gives, in the order in which to try them (RFC 8305 §4). Blocks.

    A path stands for itself: it is the address of a Unix socket.
    """
    if host.startswith("/"):
        return [Address(socket.AF_UNIX, host)]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(Address(family, sockaddr) for family, _, _, _, sockaddr in found))
    first = [address for address in addresses if address.family == addresses[0].family]
    others = [address for address in addresses if address.family != addresses[0].family]
    alternating = chain.from_iterable(zip_longest(first, others))
    return [address for address in alternating if address is not None]


def _is_literal(host: str) -> bool:
    """Whether it is an address already, which takes no resolver."""
    if host.startswith("/"):
        return True
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
            return True
        except OSError:
            pass
    return False


class LookupTimeout(TimeoutError):
    """The name did not resolve in time. The lookup continues."""


class Name:
    """The name of one upstream. For any number of threads.

    `version` grows with each lookup that finds other addresses than the one before.
    """

    def __init__(
        self, host: str, port: int, ttl: float, lookup: Lookup = look_up, clock: Callable[[], float] = monotonic
    ) -> None:
        self.version = 0
        self.valid_until = -1.0
        """Until when what is known is fresh, on the clock."""
        self._host = host
        self._port = port
        self._ttl = ttl
        self._lookup = lookup
        self._clock = clock
        self._changed = threading.Condition()  # guards what follows
        self._addresses: tuple[Address, ...] = ()
        self._error: OSError | None = None
        self._looking = False
        if _is_literal(host):
            self._note(lookup(host, port), None)
            self.valid_until = inf

    def __repr__(self) -> str:
        return f"<Name {self._host} [{len(self._addresses)} addresses, version {self.version}]>"

    def addresses(self, timeout: float) -> tuple[Address, ...]:
        """The addresses, the one that worked last first. Waits up to `timeout` seconds where none is known.

        Raises OSError where the name does not resolve, and LookupTimeout where the lookup takes longer.
        """
        with self._changed:
            if self._clock() >= self.valid_until:
                self._start()
            if not self._addresses:
                self._changed.wait_for(lambda: not self._looking, timeout)
            if self._addresses:
                return self._addresses
            if self._looking:
                raise LookupTimeout(f"the name {self._host} did not resolve within {timeout:.3g} s")
            raise self._error or OSError(f"the name {self._host} has no address")

    def refresh(self) -> None:
        """Start a lookup in the background if what is known is not fresh. Never waits."""
        with self._changed:
            if self._clock() >= self.valid_until:
                self._start()

    def holds(self, address: Address) -> bool:
        """Whether an address is among those that the last lookup found."""
        return address in self._addresses

    def worked(self, address: Address) -> None:
        """Try this address first from here on."""
        with self._changed:
            if self._addresses and self._addresses[0] != address and address in self._addresses:
                self._addresses = (address, *(other for other in self._addresses if other != address))

    def _start(self) -> None:
        """Look the name up in a thread, unless one does."""
        if self._looking:
            return
        self._looking = True
        try:
            threading.Thread(target=self._run, name="names", daemon=True).start()
        except RuntimeError as error:  # the process may start no more threads
            self._note([], OSError(str(error)))

    def _run(self) -> None:
        found: Sequence[Address] = ()
        failure: OSError | None = None
        try:
            found = self._lookup(self._host, self._port)
        except OSError as error:
            failure = error
        except Exception as error:  # such as UnicodeError, for a name that DNS cannot hold
            failure = OSError(str(error))
        with self._changed:
            self._note(found, failure)
            self._changed.notify_all()

    def _note(self, found: Sequence[Address], failure: OSError | None) -> None:
        self._looking = False
        self._error = failure
        self.valid_until = self._clock() + (self._ttl if failure is None else min(FAILED_FOR, self._ttl))
        if found and set(found) != set(self._addresses):
            self.version += 1
            self._addresses = tuple(found)
