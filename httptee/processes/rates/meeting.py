"""Where tees that share rates meet: a hash in Redis for each B, with what each of them has for it."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Sequence

from httptee.journal.engines import Address, Full, RedisLink, Unavailable

_FORGOTTEN = 5_000  # milliseconds without a word, after which a tee does not count
_ANSWER = 1.0  # seconds to wait for the server

# What this tee has is noted with the server's time, and those that said nothing for a while are removed. The hash ends
# by itself when all have gone. Returns what all have.
_EXCHANGE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local found = {}
local all = redis.call('HGETALL', KEYS[1])
for at = 1, #all, 2 do
    local demand, stamp = string.match(all[at + 1], '^(%S+) (%d+)$')
    if now - stamp > tonumber(ARGV[3]) then
        redis.call('HDEL', KEYS[1], all[at])
    else
        found[#found + 1] = demand
    end
end
return found
"""


class Meeting:
    """The tees that name the same topic of the same server. Raises ValueError: a library or a file is missing.

    Bs are the same if they have the same name.
    """

    def __init__(self, address: Address) -> None:
        self._link = RedisLink(address, _ANSWER)
        self._topic = address.topic
        self._token = secrets.token_hex(8)
        self._known: set[str] = set()

    def demands(self, backend: str, own: float) -> Sequence[float]:
        """Say what this tee has for a B, in requests a second. Returns what all tees have, this one included. Raises
        Unavailable."""
        self._known.add(backend)
        try:
            found = self._link.run(_EXCHANGE, [self._key(backend)], [self._token, f"{own:.3f}", _FORGOTTEN])
        except Full as error:
            raise Unavailable(str(error)) from None
        return [float(each) for each in found]

    def close(self) -> None:
        """Leave: the others share without this tee. Does not raise."""
        with contextlib.suppress(Unavailable):
            for backend in self._known:
                self._link.ask("HDEL", self._key(backend), self._token)
        self._link.close()

    def _key(self, backend: str) -> str:
        return f"{{{self._topic}}}:rate:{backend}"
