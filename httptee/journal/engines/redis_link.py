"""Connections to a Redis server: made when they are needed and again when they broke, with a limit of time on each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any

from httptee.journal.engines.address import Address, tls_context
from httptee.journal.engines.engine import Unavailable

CONNECT, ANSWER = 2.0, 5.0
"""Seconds to wait for a connection, and for an answer."""


class Full(Exception):
    """The server has no memory left for what it was told to store."""


class RedisLink:
    """The server of an address. For any number of threads, and for children that are forked."""

    def __init__(self, address: Address, answer: float = ANSWER) -> None:
        """Connects to nobody yet. Raises ValueError: a library or a file is missing."""
        try:
            import redis
        except ImportError as error:
            raise ValueError(f"{address.label}: needs a library: pip install 'httptee[redis]'") from error
        self._errors = redis.exceptions
        self._address = address
        self._password = address.password()
        self._client: Any = _client(redis, address, answer)

    def run(self, script: str, keys: Sequence[str], arguments: Sequence[str | int | bytes]) -> Any:
        """The answer of a script. Raises Full or Unavailable."""
        digest = _digest(script)
        try:
            try:
                return self._client.execute_command("EVALSHA", digest, len(keys), *keys, *arguments)
            except self._errors.NoScriptError:
                return self._client.execute_command("EVAL", script, len(keys), *keys, *arguments)
        except self._errors.OutOfMemoryError as error:
            raise Full("the server has no memory left (maxmemory)") from error
        except (self._errors.RedisError, OSError, ValueError) as error:
            raise self._unavailable(error) from error

    def run_each(self, script: str, calls: Sequence[tuple[Sequence[str], Sequence[str | int | bytes]]]) -> list[Any]:
        """The answers of a script for each pair of keys and arguments, in one round trip. Raises Unavailable."""
        if len(calls) <= 1:
            return [self.run(script, *call) for call in calls]
        digest = _digest(script)
        try:
            for _ in range(2):
                pipeline = self._client.pipeline(transaction=False)
                for keys, arguments in calls:
                    pipeline.execute_command("EVALSHA", digest, len(keys), *keys, *arguments)
                answers: list[Any] = pipeline.execute(raise_on_error=False)
                errors = [answer for answer in answers if isinstance(answer, Exception)]
                if not errors:
                    return answers
                if not isinstance(errors[0], self._errors.NoScriptError):
                    raise errors[0]
                self._client.execute_command("SCRIPT LOAD", script)
            raise errors[0]
        except (self._errors.RedisError, OSError, ValueError) as error:
            raise self._unavailable(error) from error

    def ask(self, *words: str | int | bytes) -> Any:
        """The answer of a command. Raises Unavailable."""
        try:
            return self._client.execute_command(*words)
        except (self._errors.RedisError, OSError, ValueError) as error:
            raise self._unavailable(error) from error

    def close(self) -> None:
        """Close all connections. They are made again when they are needed."""
        self._client.connection_pool.disconnect()

    def _unavailable(self, error: Exception) -> Unavailable:
        text = " ".join(str(error).split()) or type(error).__name__
        if "OOM" in text[:4] or isinstance(error, self._errors.OutOfMemoryError):
            text = "the server has no memory left (maxmemory)"
        return Unavailable(f"{self._address.label}: {hidden(text, self._password)[:300]}")


@cache
def _digest(script: str) -> str:
    """What Redis knows a script by."""
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


def hidden(text: str, password: str) -> str:
    """A text without the password."""
    return text.replace(password, "…") if password else text


def _client(redis: Any, address: Address, answer: float) -> Any:
    """A client, for which no connection is made yet."""
    ((host, port),) = address.hosts
    tls: dict[str, Any] = {}
    if address.tls:
        tls_context(address)
        tls = {"ssl_ca_certs": address.ca or None, "ssl_certfile": address.cert or None}
        tls |= {"ssl_keyfile": address.key or address.cert or None, "ssl": True}

    class Credentials(redis.CredentialProvider):  # type: ignore[misc]
        """Asked at each connection: a password that was changed needs no restart."""

        def get_credentials(self) -> tuple[str, ...]:
            password = address.password()
            return (address.user, password) if address.user else (password,)

    secret = address.user or address.password()
    return redis.Redis(
        host=host,
        port=port,
        credential_provider=Credentials() if secret else None,
        socket_connect_timeout=CONNECT,
        socket_timeout=answer,
        # A connection that broke is made again once; a server that does not answer in time is not asked again at once.
        retry=redis.retry.Retry(redis.backoff.NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        protocol=2,
        **tls,
    )
