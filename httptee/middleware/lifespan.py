"""The lifespan of an ASGI application: it passes unchanged, and at its end the Bs are drained.

uvicorn ends its process by the signal that has ended it, so nothing that is registered for the end of the interpreter
is called. An application without a lifespan, such as Django's, gets one here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApplication = Callable[[Scope, Receive, Send], Awaitable[None]]

_ENDS = ("lifespan.shutdown.complete", "lifespan.shutdown.failed")


class Lifespan:
    """Serves the lifespan of `application`, and calls `drain` in a thread before its end is told to the server."""

    def __init__(self, application: AsgiApplication, drain: Callable[[], object]) -> None:
        self._application = application
        self._drain = drain
        self._received: list[Message] = []
        self._answered = False

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve it. Raises what the application raises once it has answered; before that, it has no lifespan."""

        async def received() -> Message:
            message = await receive()
            self._received.append(message)
            return message

        async def sent(message: Message) -> None:
            self._answered = True
            if message.get("type") in _ENDS:
                await asyncio.to_thread(self._drain)
            await send(message)

        try:
            await self._application(scope, received, sent)
        except Exception:
            if self._answered:
                raise
            await self._serve_itself(receive, send)

    async def _serve_itself(self, receive: Receive, send: Send) -> None:
        """Do what a lifespan without any work does."""
        if not self._received:
            await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.to_thread(self._drain)
        await send({"type": "lifespan.shutdown.complete"})
